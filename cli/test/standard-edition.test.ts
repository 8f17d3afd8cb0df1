// One installation from its first start to its last stop, used the way an administrator does.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { StatusReport } from '../src/commands/status.ts';
import { layoutOf } from '../src/installation/layout.ts';
import { requireFreePorts } from '../src/installation/ports.ts';
import { alive } from './alive.ts';

const linchpin = join(import.meta.dirname, '..', '..', 'linchpin');
const folder = mkdtempSync(join(tmpdir(), 'linchpin-cli-'));
const home = join(folder, 'home');

const PODS = ['cms-0', 'director-0', 'edge-0', 'frontend-0', 'persistent-chat-0'];

let supervisor: ChildProcess;
let printed = '';
let portOffset: number;

interface Result {
  stdout: string;
  stderr: string;
  code: number;
}

/** Every command is typed in another folder than the repository's. */
const run = (...args: string[]): Promise<Result> =>
  promisify(execFile)(linchpin, args, { cwd: tmpdir() }).then(
    ({ stdout, stderr }) => ({ stdout, stderr, code: 0 }),
    ({ stdout, stderr, code }) => ({ stdout, stderr, code }),
  );
const cli = (...args: string[]) => run(...args, '--home', home);
const runState = () =>
  JSON.parse(readFileSync(join(home, 'run', 'supervisor.json'), 'utf8')) as {
    pid: number;
    pids: Record<string, number>;
  };
const status = async () => JSON.parse((await cli('status', '-o', 'json')).stdout) as StatusReport;
const json = async (...args: string[]) => JSON.parse((await cli(...args, '-o', 'json')).stdout);

/** Resolves when the supervisor prints this. */
async function start(...args: string[]): Promise<void> {
  printed = '';
  supervisor = spawn(linchpin, ['start', '--home', home, ...args], {
    cwd: tmpdir(),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  supervisor.stdout?.setEncoding('utf8');
  for await (const chunk of supervisor.stdout?.iterator({ destroyOnReturn: false }) ?? []) {
    printed += chunk;
    if (/ready in .*\n/.test(printed)) break;
  }
  if (!printed.includes('ready in')) throw new Error(`it did not start:\n${printed}`);
  supervisor.stdout?.on('data', (chunk) => {
    printed += chunk;
  });
}

/** The highest port is 19,443: from 20,000 on there are ports that `freePort` gives to single servers. */
async function freeOffset(): Promise<number> {
  for (;;) {
    const offset = 1000 + 100 * Math.floor(Math.random() * 111);
    const free = requireFreePorts(layoutOf({ portOffset: offset, listen: '127.0.0.1' }), 0).then(
      () => true,
      () => false,
    );
    if (await free) return offset;
  }
}

beforeAll(async () => {
  portOffset = await freeOffset();
  await start('--port-offset', String(portOffset));
});
afterAll(async () => {
  if (supervisor.exitCode === null && supervisor.kill('SIGTERM')) await once(supervisor, 'exit');
  rmSync(folder, { recursive: true });
});

describe('after the first start', () => {
  test('status tells programs what runs where, and nothing else', async () => {
    const report = await status();
    expect(Object.keys(report)).toEqual(['ready', 'domain', 'home', 'caFile', 'roles', 'endpoints']);
    expect(report).toMatchObject({
      ready: true,
      domain: 'contoso.lab',
      home,
      caFile: join(home, 'pki', 'ca.pem'),
    });
    expect(report.roles.map(({ name }) => name)).toEqual(PODS);
    for (const role of report.roles) {
      expect(Object.keys(role)).toEqual(['role', 'name', 'pid', 'version', 'configVersion', 'health']);
      expect(alive(role.pid as number)).toBe(true);
    }
    expect(report.endpoints).toContainEqual({
      role: 'edge',
      name: 'access-tls',
      protocol: 'tls',
      address: '127.0.0.1',
      port: 5443 + portOffset,
    });
    const names = report.endpoints.map(({ name }) => name).filter((name) => /-/.test(name));
    expect(names.sort()).toEqual(['access-tls', 'access-wss', 'chat-https', 'sip-tcp', 'sip-tls', 'sip-udp']);
  });

  test('the sample users and their passwords are shown once, and in no log', async () => {
    const [line] = readFileSync(join(home, 'sample-users.txt'), 'utf8')
      .split('\n')
      .filter((text) => text.startsWith('alice'));
    const password = line?.split(' ')[1] as string;
    expect(printed).toContain(`alice@contoso.lab  password ${password}`);
    expect(readFileSync(join(home, 'logs', 'linchpin.log'), 'utf8')).not.toContain(password);
    expect(statSync(join(home, 'sample-users.txt')).mode & 0o777).toBe(0o600);
  });

  test('a second start says who runs, and another home with the same ports names them', async () => {
    const again = await cli('start');
    expect(again).toMatchObject({
      code: 4,
      stderr: expect.stringMatching(/already runs in .* \(pid \d+, since 20/),
    });
    const other = await run('start', '--home', join(folder, 'other'), '--port-offset', String(portOffset));
    expect(other.code).toBe(6);
    expect(other.stderr).toMatch(new RegExp(`TCP 127.0.0.1:${5061 + portOffset} for frontend sip-tls`));
  });
});

describe('documents', () => {
  test('a user is created, changed, described and deleted', async () => {
    const created = await json('create', 'user', 'dora', '--display-name', 'Dora D');
    expect(created).toMatchObject({
      name: 'dora@contoso.lab',
      outcome: 'created',
      password: expect.stringMatching(/^\w{16}$/),
    });
    expect((await cli('create', 'user', 'dora')).stderr).toContain('exists already');
    expect((await cli('set', 'user', 'dora', 'enabled=false')).stdout).toBe(
      'User/dora@contoso.lab changed\n',
    );
    expect(await json('get', 'user', 'sip:dora@contoso.lab')).toMatchObject({
      spec: { displayName: 'Dora D', enabled: false },
    });
    expect(await json('describe', 'user', 'dora')).toMatchObject({
      state: { servedBy: 'frontend-0', endpoints: [] },
    });
    expect((await cli('delete', 'user', 'dora')).stdout).toBe('User/dora@contoso.lab deleted\n');
    expect(await cli('get', 'user', 'dora')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('no such document'),
    });
  });

  test('a password comes from a file, and is not shown again', async () => {
    const file = join(folder, 'password');
    writeFileSync(file, 'correct horse battery\n');
    const { stdout } = await cli('create', 'user', 'fay', '--password-file', file);
    expect(stdout).toBe('User/fay@contoso.lab created\n');
    expect((await cli('set', 'user', 'fay', '--password-file', file)).code).toBe(0);
    expect((await cli('create', 'user', 'gus', '--password-file', '/nonexistent')).code).toBe(2);
  });

  test('a file becomes true as a whole, is checked without, and does not undo what others did', async () => {
    const file = join(folder, 'documents.yaml');
    writeFileSync(
      file,
      'kind: PresencePolicy\nname: Private\nspec: { privacyMode: true }\n---\nkind: user\nname: hal\nspec: { pool: frontend }\n',
    );
    expect((await cli('apply', '-f', file, '--dry-run')).stdout).toBe(
      'PresencePolicy/Private created\nUser/hal@contoso.lab created\n',
    );
    expect((await cli('get', 'user', 'hal')).code).toBe(1);
    expect((await cli('apply', '-f', file)).code).toBe(0);
    const { stdout: before } = await cli('get', 'user', 'hal', '-o', 'yaml');
    await cli('Grant-CsPresencePolicy', 'hal', 'Private');
    writeFileSync(file, before);
    expect(await cli('apply', '-f', file)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('expected version'),
    });
    expect((await cli('apply', '-f', file, '--force')).stdout).toBe('User/hal@contoso.lab changed\n');
    writeFileSync(file, 'kind: User\nname: hal\nspec: { pool: frontend, size: 3 }\n');
    expect((await cli('apply', '-f', file)).stderr).toContain('size');
  });

  test('names from the Lync Server Management Shell work', async () => {
    expect(
      (await cli('New-CsExternalAccessPolicy', '-Identity', 'NoOutside', '-OutsideAccess', 'false')).code,
    ).toBe(0);
    expect((await cli('Get-CsExternalAccessPolicy')).stdout).toContain('NoOutside');
    expect((await cli('get-csuser')).stdout).toContain('alice@contoso.lab');
    const replicas = (await json('Get-CsManagementStoreReplicationStatus')) as { pod: string }[];
    expect(replicas.map(({ pod }) => pod)).toEqual(
      expect.arrayContaining(['director-0', 'edge-0', 'frontend-0', 'persistent-chat-0']),
    );
  });
});

describe('pods', () => {
  test('are all there, and the pool of the one Front End', async () => {
    const pods = (await json('get', 'pods')) as { pod: string }[];
    expect(pods.map(({ pod }) => pod)).toEqual(PODS);
    expect(await json('Get-CsPoolFabricState')).toMatchObject({
      pool: 'frontend',
      quorum: '32 of 32 groups served; the pool has one member, nobody takes over when it fails',
      members: [{ pod: 'frontend-0', state: 'running', groups: 32 }],
    });
    expect((await cli('get', 'pool')).stdout).toMatch(/^31 +served +frontend-0 /m);
    expect(await cli('get', 'pool', 'backend')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('pools with Front Ends: frontend'),
    });
  });

  test('one is drained, ends, and comes back', async () => {
    const pidOf = ({ roles }: StatusReport) => roles.find(({ role }) => role === 'edge')?.pid;
    const before = pidOf(await status());
    const { stdout, code } = await cli('drain', 'edge-0');
    expect([code, stdout]).toEqual([
      0,
      expect.stringMatching(/edge-0 is drained after \d s; its process ends\n$/),
    ]);
    let report = await status();
    while (!report.ready || pidOf(report) === before) report = await status();
    expect(printed).toContain('edge ended (exit code 0); starting it again');
    expect(await cli('drain', 'edge-7')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('there is no pod edge-7; the pods are: cms-0, director-0'),
    });
  });

  test('are managed from elsewhere with an address and a certificate', async () => {
    const tls = join(folder, 'admin');
    mkdirSync(tls);
    for (const [from, to] of Object.entries({
      'ca.pem': 'ca.pem',
      'admin.pem': 'cert.pem',
      'admin.key': 'key.pem',
    }))
      copyFileSync(join(home, 'pki', from), join(tls, to));
    const address = `127.0.0.1:${7010 + portOffset}`;
    const there = ['--cms', address, '--tls-dir', tls, '-o', 'json'];
    const { stdout } = await run('describe', 'user', 'alice', ...there);
    expect(JSON.parse(stdout)).toMatchObject({ name: 'alice@contoso.lab', place: { pool: 'frontend' } });
    copyFileSync(join(home, 'pki', 'edge.pem'), join(tls, 'cert.pem'));
    copyFileSync(join(home, 'pki', 'edge.key'), join(tls, 'key.pem'));
    const refused = await run('get', 'pool', ...there);
    expect(refused).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(
        'role "edge" may not call this; allowed: admin, cms. Use a certificate',
      ),
    });
    expect((await run('get', 'pool', '--cms', '127.0.0.1:1', '--tls-dir', tls)).code).toBe(3);
  });
});

describe('processes', () => {
  test.each(['edge', 'frontend', 'persistent-chat'])('%s comes back after kill -9', async (role) => {
    const pidOf = ({ roles }: StatusReport) => roles.find((entry) => entry.role === role)?.pid;
    const before = pidOf(await status());
    process.kill(before as number, 'SIGKILL');
    let report = await status();
    while (!report.ready || pidOf(report) === before) report = await status();
    expect(alive(before as number)).toBe(false);
  });

  test.each(['nats', 'postgres'])('%s comes back after kill -9 with what it kept', async (name) => {
    const before = runState().pids[name] as number;
    process.kill(before, 'SIGKILL');
    while (runState().pids[name] === before || runState().pids[name] === undefined) await wait(20);
    while ((await cli('set', 'user', 'bob', `displayName=After ${name}`)).code !== 0) await wait(50);
    expect((await cli('get', 'user', 'bob')).stdout).toContain(`After ${name}`);
    expect((await cli('get', 'users')).stdout).toContain('alice@contoso.lab');
  });

  test('the second start keeps ports and users, and creates no users', async () => {
    expect((await cli('delete', 'user', 'carol')).code).toBe(0);
    expect((await cli('stop')).stdout).toContain('stopped the installation');
    const stopped = await status();
    expect(stopped.ready).toBe(false);
    expect(stopped.roles.map(({ pid, health }) => [pid, health])).toEqual(Array(5).fill([null, 'stopped']));
    expect(await cli('get', 'users')).toMatchObject({
      code: 3,
      stderr: expect.stringContaining('nothing listens there'),
    });
    await start();
    expect(printed).toMatch(/ready in [\d.]+ s/);
    expect((await cli('get', 'users')).stdout).not.toContain('carol');
    expect(printed).not.toContain('password');
  });

  test('nothing is left when the supervisor is killed, and the next start takes over at once', async () => {
    const run = runState();
    expect(Object.keys(run.pids).sort()).toEqual([
      'cms',
      'director',
      'edge',
      'frontend',
      'nats',
      'persistent-chat',
      'postgres',
    ]);
    process.kill(run.pid, 'SIGKILL');
    await start();
    expect(Object.values(run.pids).filter(alive)).toEqual([]);
    expect((await status()).ready).toBe(true);
  });
});
