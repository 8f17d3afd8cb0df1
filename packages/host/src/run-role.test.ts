import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { status } from '@grpc/grpc-js';
import { freePort } from '@linchpin/backends';
import { type DrainProgress, DrainState, PodClient } from '@linchpin/proto/pod/v1/pod';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { type Certificates, createCertificates } from '../test/certificates.ts';
import { createRpcClient } from './rpc-client.ts';

let certificates: Certificates;
let children: ChildProcess[];
beforeEach(async () => {
  certificates = await createCertificates();
  children = [];
});
afterEach(async () => {
  for (const child of children) child.kill('SIGKILL');
  await certificates[Symbol.asyncDispose]();
});

type Line = Record<string, unknown>;

interface Process {
  child: ChildProcess;
  lines: Line[];
  /** Resolves with the first line that has this message; rejects when the process ends without it. */
  said(message: string): Promise<Line>;
  exited: Promise<[code: number | null, signal: string | null]>;
  stderr: Promise<string>;
}

async function configure(more: Line = {}) {
  const ports = { rpc: await freePort(), http: await freePort(), greet: await freePort() };
  const config = {
    name: 'greeter-0',
    role: 'greeter',
    dataDir: certificates.dir,
    rpc: { address: '127.0.0.1', port: ports.rpc },
    http: { address: '127.0.0.1', port: ports.http },
    tls: await certificates.files('greeter'),
    ...more,
    greeter: { port: ports.greet, ...(more.greeter as Line) },
  };
  const path = join(certificates.dir, 'config.yaml');
  await writeFile(path, stringify(config));
  return { path, config, ports };
}

function run(path: string, env: Record<string, string> = {}): Process {
  const script = join(import.meta.dirname, '../test/greeter.ts');
  const child = spawn(process.execPath, [script, '--config', path], { env: { ...process.env, ...env } });
  children.push(child);
  const lines: Line[] = [];
  const waiting = new Set<() => void>();
  createInterface(child.stdout).on('line', (line) => {
    lines.push(JSON.parse(line));
    for (const look of waiting) look();
  });
  const exited = once(child, 'close') as Promise<[number | null, string | null]>;
  const stderr = text(child.stderr);
  return {
    child,
    lines,
    said: (message) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const line = lines.find(({ msg }) => msg === message);
          if (line) resolve(line);
        };
        waiting.add(look);
        look();
        void exited.then(async ([code]) => reject(new Error(`ended with ${code}: ${await stderr}`)));
      }),
    exited,
    stderr,
  };
}

/** Stays until the file is removed. */
async function inviteGuest(): Promise<string> {
  const file = join(certificates.dir, 'guest');
  await writeFile(file, '');
  return file;
}

const messages = ({ lines }: Process) => lines.map(({ msg }) => msg);

test('starts, tells its status, and ends cleanly on SIGTERM after draining', async () => {
  const guest = await inviteGuest();
  const { path, ports } = await configure({ greeter: { guest } });
  const role = run(path);
  await role.said('started');
  const http = `http://127.0.0.1:${ports.http}`;
  expect(await (await fetch(`${http}/status`)).json()).toEqual({
    role: 'greeter',
    name: 'greeter-0',
    pid: role.child.pid,
    version: '1.2.3',
    configVersion: 7,
    health: 'ready',
    endpoints: [
      { name: 'rpc', protocol: 'grpc', address: '127.0.0.1', port: ports.rpc },
      { name: 'http', protocol: 'http', address: '127.0.0.1', port: ports.http },
      { name: 'greet', protocol: 'tcp', address: '127.0.0.1', port: ports.greet },
    ],
  });
  role.child.kill('SIGTERM');
  await role.said('draining');
  expect((await fetch(`${http}/healthz/ready`)).status).toBe(503);
  expect((await fetch(`${http}/healthz/live`)).status).toBe(200);
  const { health, drain } = (await (await fetch(`${http}/status`)).json()) as Record<string, unknown>;
  expect(health).toBe('draining');
  expect(drain).toMatchObject({ state: 'draining', remaining: { guests: 1 }, limitSeconds: 20 });
  const metrics = await (await fetch(`${http}/metrics`)).text();
  expect(metrics).toMatch(/^linchpin_drain_active\{.*\} 1$/m);
  expect(metrics).toMatch(/^linchpin_drain_remaining\{what="guests",.*\} 1$/m);
  expect(metrics).toMatch(/^linchpin_drain_forced_total\{.*\} 0$/m);
  await rm(guest);
  expect(await role.exited).toEqual([0, null]);
  expect(messages(role).slice(-3)).toEqual(['draining', 'greeter stopped', 'stopped']);
  expect(role.lines.at(-2)).toMatchObject({
    role: 'greeter',
    pod: 'greeter-0',
    level: 'info',
    password: '[redacted]',
  });
});

test('a second SIGTERM ends it at once', async () => {
  const { path } = await configure({ greeter: { drainMs: 60_000 }, drainSeconds: 60 });
  const role = run(path);
  await role.said('started');
  role.child.kill('SIGTERM');
  await role.said('draining');
  role.child.kill('SIGTERM');
  expect(await role.exited).toEqual([143, null]);
});

test('a drain that takes too long is cut off', async () => {
  const { path } = await configure({ greeter: { drainMs: 60_000 }, drainSeconds: 0.1 });
  const role = run(path);
  await role.said('started');
  role.child.kill('SIGTERM');
  expect(await role.exited).toEqual([0, null]);
  expect(messages(role)).toContain('drain took too long');
});

async function callDrain(port: number, as: string) {
  const mtls = await certificates.mtls(as);
  const client = createRpcClient(PodClient, `127.0.0.1:${port}`, 'greeter', mtls);
  const seen: DrainProgress[] = [];
  const calls = client.drain({}).on('data', (progress: DrainProgress) => seen.push(progress));
  const ended = new Promise<Error | undefined>((resolve) => {
    calls.on('end', () => resolve(undefined)).on('error', resolve);
  });
  const first = once(calls, 'data') as Promise<[DrainProgress]>;
  first.catch(() => {});
  return { first, seen, ended: ended.finally(() => client.close()) };
}

test('an administrator drains it by RPC, sees how it goes, and the process ends', async () => {
  const guest = await inviteGuest();
  const { path, ports } = await configure({ greeter: { guest } });
  const role = run(path);
  await role.said('started');
  const drain = await callDrain(ports.rpc, 'admin');
  expect((await drain.first)[0]).toMatchObject({
    pod: 'greeter-0',
    state: DrainState.DRAINING,
    remaining: { guests: 1 },
    joined: false,
  });
  const other = await callDrain(ports.rpc, 'cms');
  expect((await other.first)[0]).toMatchObject({ joined: true });
  role.child.kill('SIGTERM');
  await rm(guest);
  expect(await drain.ended).toBeUndefined();
  expect(drain.seen.at(-1)).toMatchObject({ state: DrainState.DONE, remaining: {} });
  expect(await role.exited).toEqual([0, null]);
  expect(messages(role).filter((message) => message === 'draining')).toHaveLength(1);
});

test('only administrators drain', async () => {
  const { path, ports } = await configure();
  const role = run(path);
  await role.said('started');
  const drain = await callDrain(ports.rpc, 'guest');
  expect(await drain.ended).toMatchObject({ code: status.PERMISSION_DENIED });
  role.child.kill('SIGTERM');
  expect(await role.exited).toEqual([0, null]);
});

test('the end of a supervisor ends the role, also while it drains', async () => {
  const { path } = await configure({ greeter: { drainMs: 60_000 }, drainSeconds: 60 });
  const role = run(path, { LINCHPIN_SUPERVISED: '1' });
  await role.said('started');
  role.child.kill('SIGTERM');
  await role.said('draining');
  role.child.stdin?.end();
  expect(await role.exited).toEqual([0, null]);
});

test('the end of a supervisor ends the role', async () => {
  const { path } = await configure({ greeter: { drainMs: 60_000 }, drainSeconds: 60 });
  const role = run(path, { LINCHPIN_SUPERVISED: '1' });
  await role.said('started');
  role.child.kill('SIGINT');
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(messages(role)).toEqual(['started']);
  role.child.stdin?.end();
  expect(await role.exited).toEqual([0, null]);
  expect(messages(role)).toContain('greeter stopped');
});

test.each([
  ['rpc', 'rpc.port'],
  ['http', 'http.port'],
  ['greet', 'greeter.port'],
] as const)('a taken port is named with its key: %s', async (name, key) => {
  const { path, ports } = await configure();
  const other = createServer().listen(ports[name], '127.0.0.1');
  await once(other, 'listening');
  const role = run(path);
  expect(await role.exited).toEqual([75, null]);
  const message = `port ${ports[name]} (${key}) is taken by another process`;
  expect(await role.stderr).toContain(`${message}\n`);
  expect(role.lines.at(-1)).toMatchObject({ level: 'fatal', msg: message });
  other.close();
});

test('a wrong configuration ends with exit code 2 and says where', async () => {
  const { path } = await configure({ colour: 'red' });
  const role = run(path);
  expect(await role.exited).toEqual([2, null]);
  expect(await role.stderr).toContain('colour: unknown key');
});

test("another role's configuration is refused", async () => {
  const { path } = await configure({ role: 'treasurer' });
  const role = run(path);
  expect(await role.exited).toEqual([2, null]);
  expect(await role.stderr).toContain('role: is "treasurer", this is "greeter"');
});

test('a defect ends the process with its stack in the log', async () => {
  const { path, ports } = await configure({ greeter: { trips: true } });
  const role = run(path);
  await role.said('started');
  connect(ports.greet, '127.0.0.1').resume();
  expect(await role.exited).toEqual([70, null]);
  expect(role.lines.at(-1)).toMatchObject({
    level: 'fatal',
    err: { message: 'a defect', stack: expect.any(String) },
  });
});

test('SIGHUP reads the certificates again, and keeps the old ones where the new do not fit', async () => {
  const { path, config } = await configure();
  const role = run(path);
  await role.said('started');
  role.child.kill('SIGHUP');
  await role.said('certificates read again');
  await writeFile(config.tls.key, await readFile((await certificates.files('other')).key));
  role.child.kill('SIGHUP');
  await role.said('certificates not read again, those in use stay');
  role.child.kill('SIGTERM');
  expect(await role.exited).toEqual([0, null]);
});

test('a certificate that was renewed is read without a signal, and the metrics say when it ends', async () => {
  const { path, config, ports } = await configure();
  const role = run(path);
  await role.said('started');
  const metrics = await (await fetch(`http://127.0.0.1:${ports.http}/metrics`)).text();
  const ends = /linchpin_certificate_not_after_seconds\{[^}]*file="[^"]*greeter[^"]*"[^}]*\} (\d+)/.exec(
    metrics,
  );
  expect(Number(ends?.[1])).toBeGreaterThan(Date.now() / 1000);
  await writeFile(config.tls.cert, await readFile(config.tls.cert));
  await role.said('certificates read again');
});
