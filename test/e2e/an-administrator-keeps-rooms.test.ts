// Persistent Chat from the command line, by way of CMS: rooms are made, used, put on record, and taken over from elsewhere.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../peers/process.ts';
import { type System, startSystem } from '../system.ts';

const linchpin = join(import.meta.dirname, '../../linchpin');
const soon = { timeout: 15_000, interval: 200 };
let system: System;
let folder: string;

const json = async (...args: string[]) => JSON.parse(await system.cli(...args, '-o', 'json'));
/** What a command says that fails. */
const refusal = (...args: string[]): Promise<string> =>
  system.cli(...args).then(
    () => 'it was done',
    ({ stderr }: { stderr: string }) => stderr,
  );

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'rooms-'));
  system = await startSystem();
  await system.cli('create', 'persistentchatpolicy', 'Rooms', 'enabled=true');
  for (const user of ['alice', 'bob', 'carol'])
    await system.cli('Grant-CsPersistentChatPolicy', '-Identity', user, '-PolicyName', 'Rooms');
  await system.cli('create', 'category', 'Trading', 'allowed=domain:contoso.lab', 'denied=carol');
  await system.cli('create', 'room', 'Desk', 'category=Trading', 'members=alice,bob', 'managers=alice');
});
afterAll(async () => {
  await system?.stop();
  rmSync(folder, { recursive: true, force: true });
});

describe('rooms', () => {
  it('are shown with their category, and with who is in them', async () => {
    expect(await json('get', 'room', 'desk')).toMatchObject({
      name: 'Desk',
      categoryName: 'Trading',
      privacy: 'closed',
    });
    expect(await json('get', 'access', 'Desk')).toEqual({
      members: ['alice@contoso.lab', 'bob@contoso.lab'],
      managers: ['alice@contoso.lab'],
      presenters: [],
    });
    expect(await system.cli('Get-CsPersistentChatCategory')).toMatch(
      /^Trading +domain:contoso\.lab +carol@contoso\.lab/m,
    );
  });

  it('are used in the name of people, with their rights and no others', async () => {
    const post = await json('post', 'Desk', 'buy gold', '--as', 'alice', '--client-id', 'one');
    expect(await json('post', 'Desk', 'buy gold', '--as', 'alice', '--client-id', 'one')).toEqual(post);
    expect((await json('history', 'Desk', '--as', 'bob')).map(({ body }: { body: string }) => body)).toEqual([
      'buy gold',
    ]);
    expect(await json('search', 'gold', '--as', 'bob')).toMatchObject([{ seq: post.seq }]);
    expect(await refusal('post', 'Desk', 'me too', '--as', 'carol')).toContain('linchpin: ');
    expect(await refusal('set', 'room', 'Desk', 'privacy=open', '--as', 'bob')).toContain('linchpin: ');
    expect(await refusal('add', 'member', 'Desk', 'carol')).toContain('carol@contoso.lab');
    expect(await refusal('delete', 'category', 'Trading')).toContain('has rooms');
  });

  it('show what happens in them to who is there', async () => {
    const following = run(linchpin, ['follow', 'Desk', '--as', 'bob', '--home', system.home], {});
    try {
      await following.waitFor(/here: bob@contoso\.lab/);
      await system.cli('post', 'Desk', 'sell', '--as', 'alice');
      await following.waitFor(/alice@contoso\.lab post: sell/);
      await system.cli('remove', 'member', 'Desk', 'bob');
      await following.waitFor(/the session is over: removed/);
    } finally {
      await following.stop('SIGTERM', 5_000);
      await system.cli('add', 'member', 'Desk', 'bob');
    }
  });

  it('keep their posts under a legal hold, and lose them after', async () => {
    const bodies = async () =>
      (await json('history', 'Desk')).map(({ body }: { body: string }) => body) as string[];
    await system.cli('hold', 'Desk');
    await system.cli('purge', 'Desk', '--author', 'alice', '--why', 'tidy');
    expect(await bodies()).toEqual(['buy gold', 'sell']);
    await system.cli('hold', 'Desk', '--release');
    expect(await json('purge', 'Desk', '--author', 'alice', '--why', 'tidy')).toEqual({
      room: 'Desk',
      posts: 2,
    });
    expect(await bodies()).toEqual([]);
  });
});

describe('what happened', () => {
  it('is on record, is exported, and shows when somebody alters it', async () => {
    await expect
      .poll(() => json('compliance', 'status'), soon)
      .toMatchObject({
        healthy: true,
        queuedMessages: 0,
      });
    const found = await json(
      'compliance',
      'query',
      '--room',
      'Desk',
      '--kind',
      'purged',
      '--reason',
      'case 1',
    );
    expect(found).toMatchObject([{ event: { by: 'admin:admin', why: 'tidy' } }]);
    const archive = join(folder, 'desk.tar');
    await system.cli('export', 'compliance', '--room', 'Desk', '--to', archive, '--reason', 'case 1');
    execFileSync('tar', ['-xf', archive, '-C', folder]);
    const manifest = join(folder, 'manifest.json');
    expect(JSON.parse(readFileSync(manifest, 'utf8'))).toMatchObject({ by: 'admin', reason: 'case 1' });
    const verify = ['compliance', 'verify', 'Desk', '--manifest', manifest, '--reason', 'case 1'];
    expect(await system.cli(...verify)).toMatch(/^Desk +\d+ +1-\d+ +whole/m);

    await alter();
    const outcome = await system.cli(...verify).catch((error) => error);
    expect(outcome).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/^Desk .* altered at \d+/m),
      stderr: expect.stringContaining('1 of 1 chains are not whole'),
    });
  });

  it('is kept under holds that are placed and released', async () => {
    const { id } = await json('compliance', 'hold', 'case 1', '--user', 'bob');
    expect(await json('compliance', 'holds')).toMatchObject([
      { id, name: 'case 1', subject: 'bob@contoso.lab', placedBy: 'admin' },
    ]);
    await system.cli('compliance', 'release', id, '--reason', 'closed');
    expect(await json('compliance', 'holds')).toEqual([]);
    expect(await json('compliance', 'holds', '--all')).toMatchObject([{ id, releasedBy: 'admin' }]);
  });

  /** As who has the database would, and not the key to it all. */
  async function alter(): Promise<void> {
    const password = readFileSync(join(system.home, 'pki/postgres.password'), 'utf8').trim();
    const port = system.port('sip-tls') - 5061 + 7432;
    const client = new pg.Client({
      host: '127.0.0.1',
      port,
      user: 'linchpin',
      password,
      database: 'mgccomp',
    });
    await client.connect();
    const { rowCount } = await client.query(
      `UPDATE events SET event = replace(event, 'buy gold', 'buy tin') WHERE kind = 'post'`,
    );
    await client.end();
    expect(rowCount).toBeGreaterThan(0);
  }
});

describe('rooms of Lync', () => {
  it('are taken over from an export, once', async () => {
    const data = join(folder, 'export');
    mkdirSync(data);
    const user = (id: number, name: string) => `<User principalId="${id}" UserPrincipalName="${name}"/>`;
    writeFileSync(
      join(data, 'AdUsers.xml'),
      `<Pool><AdUsers>${user(1, 'alice@contoso.local')}${user(2, 'gone@contoso.local')}</AdUsers></Pool>`,
    );
    writeFileSync(
      join(data, 'ChatRooms.xml'),
      `<Pool><ChatRooms><ChatRoom isDisabled="0"><Name>Floor</Name><Desc>of the exchange</Desc><Roles>
        <Principal id="1" isManager="1"/><Principal id="2" isMember="1"/></Roles></ChatRoom></ChatRooms></Pool>`,
    );
    const args = ['import', 'persistent-chat-data', data, '--category', 'Trading'];
    const domain = ['--domain', 'contoso.local=contoso.lab'];
    const wanted = { name: 'Floor', managers: 1, members: 0, unknown: 1 };
    const outcome = async (...more: string[]) => (await json(...args, ...domain, ...more)).rooms;
    expect(await outcome('--dry-run')).toMatchObject([{ ...wanted, result: 'would create' }]);
    expect(await outcome()).toMatchObject([{ ...wanted, result: 'created' }]);
    expect(await outcome()).toMatchObject([{ ...wanted, result: 'exists' }]);
    expect(await json('get', 'room', 'Floor')).toMatchObject({ description: 'of the exchange' });
    expect((await json('get', 'access', 'Floor')).managers).toEqual(['alice@contoso.lab']);
  });
});
