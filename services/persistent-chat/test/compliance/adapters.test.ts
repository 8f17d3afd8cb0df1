// Adapters bring out what is in the store: every event in one file, whatever fails and whoever else runs.
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type AdapterConfig, complianceConfig } from '../../src/compliance/config.ts';
import {
  type ComplianceRig,
  createComplianceRig,
  newScope,
  type PodOptions,
  post,
  posts,
  temporary,
  until,
} from './rig.ts';

let rig: ComplianceRig;
let scope: string;
let folder: string;
beforeAll(async () => {
  rig = await createComplianceRig();
});
afterAll(() => rig.close());
beforeEach(async () => {
  await rig.reset();
  scope = newScope();
  folder = temporary(rig.lab, 'out');
});

const files = (): string[] => (existsSync(folder) ? readdirSync(folder).sort() : []);
/** The numbers of the events in all files, in the order of the files. */
const numbers = (): number[] =>
  files()
    .flatMap((file) => readFileSync(join(folder, file), 'utf8').trimEnd().split('\n'))
    .map((line) => JSON.parse(line).event.seq);
const upTo = (last: number): number[] => Array.from({ length: last }, (_, index) => index + 1);
const ndjson = (): AdapterConfig => ({ name: 'archive', format: 'ndjson', folder });

/** Events come in by one pod; the ones that are returned only run adapters, when they are told to. */
async function stored(count: number): Promise<void> {
  const [{ taken }] = await rig.sql(
    "SELECT count(*)::int AS taken FROM pg_tables WHERE tablename = 'events'",
  );
  if (taken === 0) await rig.pod();
  for (let from = 1; from <= count; from += 500)
    await rig.publish(scope, ...posts(scope, from, Math.min(count, from + 499)));
  await rig.stored(count);
}
const runner = (options: PodOptions) => rig.pod({ idle: true, ...options });
const dueAgain = () => rig.sql("UPDATE adapters SET ran_at = ran_at - interval '1 hour'");

describe('an adapter', () => {
  test('writes each event once, in files that say which, and new ones at its next run', async () => {
    await stored(2300);
    const { compliance } = await runner({ adapters: [ndjson()] });
    await compliance.runAdapters();
    expect(files()).toEqual([
      `${scope}_000000000001-000000001000.ndjson`,
      `${scope}_000000001001-000000002000.ndjson`,
      `${scope}_000000002001-000000002300.ndjson`,
    ]);
    expect(numbers()).toEqual(upTo(2300));
    expect(statSync(join(folder, files()[0] as string)).mode & 0o777).toBe(0o600);
    await rig.publish(scope, post(scope, 2301));
    await rig.stored(2301);
    await compliance.runAdapters();
    expect(numbers()).toEqual(upTo(2300));
    await dueAgain();
    await compliance.runAdapters();
    expect(numbers()).toEqual(upTo(2301));
    await dueAgain();
    await compliance.runAdapters();
    expect(numbers()).toEqual(upTo(2301));
    expect((await compliance.status()).adapters).toMatchObject([{ name: 'archive', scopesBehind: 0 }]);
  });

  test('has a folder for each kind, and one file for each room', async () => {
    const other = newScope();
    await stored(3);
    await rig.publish(other, post(other, 1));
    await rig.stored(4);
    const adapters: AdapterConfig[] = (['xml', 'csv', 'ndjson'] as const).map((format) => ({
      name: format,
      format,
      folder: join(folder, format),
    }));
    adapters.push({
      name: 'mail',
      format: 'eml',
      folder: join(folder, 'eml'),
      from: 'chat@contoso.lab',
      to: 'a@example.org',
    });
    const { compliance } = await runner({ adapters });
    await compliance.runAdapters();
    for (const kind of ['xml', 'csv', 'ndjson', 'eml'])
      expect(readdirSync(join(folder, kind)).sort()).toEqual(
        [`${scope}_000000000001-000000000003.${kind}`, `${other}_000000000001-000000000001.${kind}`].sort(),
      );
  });

  test('writes the same file again when its pod ended before it was noted, and never over one', async () => {
    await stored(10);
    const { compliance } = await runner({ adapters: [ndjson()] });
    await compliance.runAdapters();
    await rig.sql('UPDATE adapter_marks SET seq = 0, writing_to = 10');
    await rig.publish(scope, ...posts(scope, 11, 15));
    await rig.stored(15);
    await dueAgain();
    await compliance.runAdapters();
    expect(files().length).toBe(2);
    expect(numbers()).toEqual(upTo(15));
    writeFileSync(join(folder, `${scope}_000000000016-000000000016.ndjson`), 'mine');
    await rig.publish(scope, post(scope, 16));
    await rig.stored(16);
    await dueAgain();
    await compliance.runAdapters();
    expect(readFileSync(join(folder, files()[2] as string), 'utf8')).toBe('mine');
    expect(files()[3]).toBe(`${scope}_000000000016-000000000016~2.ndjson`);
    expect(readFileSync(join(folder, files()[3] as string), 'utf8')).toContain('message 16');
  });

  test('is run by one of many pods', async () => {
    const scopes = Array.from({ length: 20 }, newScope);
    await stored(1);
    for (const id of scopes) await rig.publish(id, ...posts(id, 1, 5));
    await rig.stored(101);
    const pods = await Promise.all([
      runner({ adapters: [ndjson()] }),
      runner({ adapters: [ndjson()] }),
      runner({ adapters: [ndjson()] }),
    ]);
    await Promise.all(pods.map(({ compliance }) => compliance.runAdapters()));
    await until(() => files().length === 21);
    expect(numbers().length).toBe(101);
    expect(files().some((file) => file.startsWith('.'))).toBe(false);
  });

  test('that fails says so, keeps nobody else from running, and goes on where it was', async () => {
    await stored(5);
    // A file where the folder should be: as good as a disk that is full.
    writeFileSync(folder, '');
    const well = temporary(rig.lab, 'well');
    const adapters: AdapterConfig[] = [ndjson(), { name: 'well', format: 'csv', folder: well }];
    const { compliance, health } = await runner({ adapters });
    await compliance.runAdapters();
    expect(health.state).toContain('compliance-adapter archive');
    expect(rig.log()).toContain('a compliance adapter has failed');
    expect(readdirSync(well).length).toBe(1);
    rmSync(folder);
    await compliance.runAdapters();
    expect(numbers()).toEqual(upTo(5));
    expect(health.state).toBe('ready');
  });

  test('passes on nothing of a chain that was altered, and all of the others', async () => {
    const other = newScope();
    await stored(5);
    await rig.publish(other, ...posts(other, 1, 5));
    await rig.stored(10);
    await rig.sql("UPDATE events SET event = replace(event, 'message 3', 'massage 3') WHERE scope = $1", [
      scope,
    ]);
    const { compliance, health } = await runner({ adapters: [ndjson()] });
    await compliance.runAdapters();
    expect(files()).toEqual([`${other}_000000000001-000000000005.ndjson`]);
    expect(health.state).toContain(`the chain of ${scope} is not whole at 3`);
  });

  test('takes away what a killed pod left half written, some time later', async () => {
    mkdirSync(folder);
    const [old, young] = [join(folder, '.a.unfinished'), join(folder, '.b.unfinished')] as const;
    for (const path of [old, young]) writeFileSync(path, 'half');
    utimesSync(old, 0, 0);
    await stored(1);
    const { compliance } = await runner({ adapters: [ndjson()] });
    await compliance.runAdapters();
    expect([existsSync(old), existsSync(young)]).toEqual([false, true]);
  });

  test('can be an own one; what it rejects comes again, the same', async () => {
    await stored(3);
    const module = `${folder}.mjs`;
    writeFileSync(
      module,
      `export const got = [];
       export const createAdapter = ({ name, options }) => ({ name: 'other', async write({ id, events }) {
         got.push([name, options.url, id, events.length]);
         if (got.length === 1) throw new Error('not today');
       } });`,
    );
    const adapters: AdapterConfig[] = [{ name: 'own', module, options: { url: 'x' } }];
    const { compliance, health } = await runner({ adapters });
    await compliance.runAdapters();
    expect(health.state).toContain('not today');
    await rig.publish(scope, post(scope, 4));
    await rig.stored(4);
    await compliance.runAdapters();
    const { got } = await import(module);
    expect(got).toEqual([
      ['own', 'x', `${scope}/1-3`, 3],
      ['own', 'x', `${scope}/1-3`, 3],
      ['own', 'x', `${scope}/4-4`, 1],
    ]);
    const broken = await runner({
      adapters: [{ name: 'broken', module: `${folder}/nowhere.mjs`, options: {} }],
    });
    await broken.compliance.runAdapters();
    expect(broken.health.state).toContain('compliance-adapter broken');
  });

  test('that is new begins where retention has cut', async () => {
    await stored(3);
    await rig.publish(scope, post(scope, 4, { at: new Date().toISOString() }));
    await rig.stored(4);
    const policies = new Map([[scope, { retentionDays: 1, legalHold: false, category: newScope() }]]);
    const { compliance } = await runner({ policies });
    expect(await compliance.applyRetention()).toBe(3);
    const { compliance: later } = await runner({ adapters: [ndjson()] });
    await later.runAdapters();
    expect(numbers()).toEqual([4]);
  });
});

test('the configuration keeps names and folders apart, and mail addresses to addresses', () => {
  const postgres = { host: 'h', user: 'u', database: 'mgccomp' };
  const parse = (...adapters: unknown[]) => complianceConfig.safeParse({ postgres, adapters }).success;
  const mail = { name: 'mail', format: 'eml', folder: '/a', from: 'chat@contoso.lab', to: 'a@example.org' };
  expect(parse(ndjson(), mail)).toBe(true);
  expect(parse(mail, { ...mail, folder: '/b' })).toBe(false);
  expect(parse(mail, { ...mail, name: 'other' })).toBe(false);
  expect(parse({ ...mail, to: 'a@example.org\r\nBcc: x@example.org' })).toBe(false);
  expect(parse({ ...ndjson(), format: 'docx' })).toBe(false);
  expect(parse({ ...ndjson(), name: '../x' })).toBe(false);
});
