import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runCommandLine } from './command-line.ts';

let home: string;

const run = async (line: string) => {
  const out: string[] = [];
  const err: string[] = [];
  const code = await runCommandLine(line.split(' '), {
    out: (text) => out.push(text),
    err: (text) => err.push(text),
  });
  return { code, out: out.join(''), err: err.join('') };
};

beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'linchpin-command-'));
  const settings = {
    formatVersion: 1,
    domain: 'contoso.lab',
    portOffset: 0,
    listen: '127.0.0.1',
    samples: true,
  };
  writeFileSync(join(home, 'linchpin.json'), JSON.stringify(settings));
});
afterAll(() => rmSync(home, { recursive: true }));

describe('the command line', () => {
  test('shows its commands and the Lync names', async () => {
    const { code, out, err } = await run('--help');
    expect([code, err]).toEqual([0, '']);
    for (const word of ['start', 'status', 'apply', 'PresencePolicy', 'Grant-CsExternalAccessPolicy'])
      expect(out).toContain(word);
  });

  test('says which release it is', async () => {
    const { version } = JSON.parse(readFileSync(join(import.meta.dirname, '../package.json'), 'utf8'));
    expect(await run('--version')).toEqual({ code: 0, out: `${version}\n`, err: '' });
  });

  test('shows nothing of a file that steers a terminal', async () => {
    const file = join(home, 'binary');
    writeFileSync(file, 'kind: [\u001b]0;owned\u0007\u001b[2J\u0000 : {');
    const { code, err } = await run(`apply -f ${file} --home ${home}`);
    expect(code).toBe(2);
    expect(err).toMatch(/^linchpin: .*binary: [\s\S]*\ufffd\]0;owned\ufffd/);
    expect(err).not.toMatch(/[^\P{Cc}\n]/u);
  });

  test.each([
    ['frobnicate', "unknown command 'frobnicate'"],
    ['status --colour', "unknown option '--colour'"],
    ['start --port-offset many', 'It must be a whole number'],
    ['create user', "missing required argument 'name'"],
    ['apply', "required option '-f, --file <file>' not specified"],
    ['apply -f /nonexistent', 'Cannot read the file: ENOENT'],
    ['get gizmos', 'There is no kind "gizmos"; the kinds are User, Topology'],
    ['create user x -o xml', 'Allowed choices are table, json, yaml'],
    ['describe policy x', 'There is no kind "policy"'],
    ['describe topology global', 'Only users can be described'],
    ['create room Desk', 'In which category? linchpin create room Desk category=Trading'],
    ['create room Desk category=Trading privacy=none', 'privacy: must be one of open, closed, secret'],
    ['set room Desk members=bob', 'There is no setting members'],
    ['get access', 'Of which room?'],
    ['create access Desk', 'linchpin add and linchpin remove change who is in a room'],
    ['add owner Desk bob', '"owner": must be member, manager or presenter'],
    ['add member Desk OU=Sales', '"OU=Sales" is neither a user, nor domain:contoso.com'],
    ['post Desk', "missing required argument 'text'"],
    ['purge Desk --why tidy', 'Which posts? Give --before, --author or --seq'],
    ['purge Desk --before now', "required option '--why <reason>' not specified"],
    ['Remove-CsPersistentChatMessage Desk -StartDate 2026-03-01', "unknown option '--startdate'"],
    ['follow Desk', 'In whose name? Give --as'],
    ['history Desk --before yesterday', 'It must be a whole number'],
    ['history Desk --before 0', 'It must be 1 or more'],
    ['history Desk --after -1', 'It must be 0 or more'],
    ['history Desk --limit -1', 'It must be 1 or more'],
    ['history Desk --limit 4294967296', 'It must be 4294967295 or less'],
    ['search gold --limit 0', 'It must be 1 or more'],
    ['post Desk sell --thread -1', 'It must be 1 or more'],
    ['purge Desk --why tidy --seq 3 99999999999999999999', 'It must be 9007199254740991 or less'],
    ['history Desk --pod localhost', 'It must be host:port'],
    ['compliance status --pod localhost:99999', 'It must be host:port'],
    ['get users --cms localhost:99999', '--cms localhost:99999: must be host:port'],
    ['test im --server localhost:0', '--server localhost:0: must be host:port'],
    ['set category Trading retentionDays=99999999999', 'retentionDays: must be a number of days'],
  ])('%s is a mistake of its user: exit code 2', async (line, message) => {
    const { code, out, err } = await run(`${line} --home ${home}`);
    expect(err).toContain(message);
    expect([code, out]).toEqual([2, '']);
  });

  test('a folder without installation: exit code 3', async () => {
    const { code, err } = await run('status --home /nonexistent/linchpin');
    expect([code, err]).toEqual([
      3,
      'linchpin: There is no installation in /nonexistent/linchpin. To make one: linchpin start --home /nonexistent/linchpin\n',
    ]);
  });

  test('a folder that holds something else is refused, and left as it was', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'linchpin-thesis-'));
    writeFileSync(join(folder, 'thesis.txt'), '');
    const { code, err } = await run(`start --home ${folder}`);
    expect([code, err]).toEqual([2, expect.stringContaining('is not empty and holds no Linchpin')]);
    expect(readdirSync(folder)).toEqual(['thesis.txt']);
    rmSync(folder, { recursive: true });
  });

  test('an installation that is stopped still has a status, and nothing to stop', async () => {
    const { code, out, err } = await run(`status -o json --home ${home}`);
    expect([code, err]).toEqual([
      3,
      `linchpin: Nothing runs in ${home}. To start it: linchpin start --home ${home}\n`,
    ]);
    const { ready, roles } = JSON.parse(out);
    expect(ready).toBe(false);
    expect(roles[0]).toEqual({
      role: 'cms',
      name: 'cms-0',
      pid: null,
      version: null,
      configVersion: null,
      health: 'stopped',
    });
    expect((await run(`status --home ${home}`)).out).toMatch(/^ready: {2}no\ndomain: contoso.lab\n/);
    expect(await run(`stop --home ${home}`)).toEqual({ code: 0, out: `nothing runs in ${home}\n`, err: '' });
  });
});
