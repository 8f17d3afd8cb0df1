import { spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { EXIT } from '../cli-error.ts';
import { ensureCertificates } from './certificates.ts';
import { type Home, openHome } from './home.ts';
import { endpointsOf, type Layout, layoutOf } from './layout.ts';
import { isLocked, lockHome } from './lock.ts';
import { requireFreePorts } from './ports.ts';
import {
  chooseSettings,
  readSettings,
  requireSettings,
  type SettingsOptions,
  writeSettings,
} from './settings.ts';

let home: Home;
beforeEach(() => {
  home = openHome(join(mkdtempSync(join(tmpdir(), 'linchpin-home-')), 'home'));
});
afterEach(() => rmSync(join(home.dir, '..'), { recursive: true }));

/** As a start does whose ports are free. */
async function adopt(options: SettingsOptions) {
  const settings = await chooseSettings(home, options);
  await writeSettings(home, settings);
  return settings;
}

describe('the home folder', () => {
  test('is made with defaults, and keeps what was chosen', async () => {
    expect(await readSettings(home)).toBeUndefined();
    expect(await adopt({ portOffset: 100 })).toEqual({
      formatVersion: 1,
      domain: 'contoso.lab',
      portOffset: 100,
      listen: '127.0.0.1',
      samples: false,
    });
    expect((await adopt({ listen: '0.0.0.0' })).portOffset).toBe(100);
    expect((await requireSettings(home)).listen).toBe('0.0.0.0');
  });

  test('forgets the options of a start that came to nothing', async () => {
    await chooseSettings(home, { domain: 'fabrikam.lab' });
    await adopt({ portOffset: 100 });
    await chooseSettings(home, { portOffset: 200 });
    expect(await requireSettings(home)).toMatchObject({ domain: 'contoso.lab', portOffset: 100 });
  });

  test('with only the lock and the log of such a start is taken for a new one', async () => {
    for (const name of ['run', 'logs']) mkdirSync(join(home.dir, name), { recursive: true });
    expect((await adopt({})).samples).toBe(false);
  });

  test('of a newer Linchpin is left alone', async () => {
    mkdirSync(home.dir);
    writeFileSync(home.settings, JSON.stringify({ formatVersion: 2, shape: 'unknown' }));
    await expect(adopt({})).rejects.toMatchObject({
      message: expect.stringContaining('was written by a newer Linchpin (format 2; this one knows up to 1)'),
      exitCode: EXIT.newerData,
    });
  });

  test('that holds something else is left alone', async () => {
    mkdirSync(home.dir);
    writeFileSync(join(home.dir, 'thesis.txt'), '');
    await expect(adopt({})).rejects.toThrow('is not empty and holds no Linchpin installation');
  });

  test('that is damaged is named', async () => {
    mkdirSync(home.dir);
    writeFileSync(home.settings, '{');
    await expect(readSettings(home)).rejects.toThrow(`${home.settings} is damaged`);
    writeFileSync(home.settings, 'null');
    await expect(readSettings(home)).rejects.toThrow('expected object, received null');
    writeFileSync(home.settings, '{"formatVersion":1,"domain":"contoso.lab"}');
    await expect(readSettings(home)).rejects.toThrow(/portOffset .*listen/);
  });

  test('keeps its domain', async () => {
    await adopt({});
    await expect(adopt({ domain: 'fabrikam.lab' })).rejects.toThrow('serves contoso.lab');
    expect((await adopt({ domain: 'contoso.lab' })).domain).toBe('contoso.lab');
  });

  test.each([
    [{ domain: 'Not A Domain' }, 'domain must be a domain name'],
    [{ portOffset: 60_000 }, 'portOffset'],
    [{ listen: 'example' }, 'listen must be an IP address'],
  ])('refuses %j', async (options, message) => {
    await expect(adopt(options)).rejects.toMatchObject({
      message: expect.stringContaining(message),
      exitCode: EXIT.usage,
    });
  });

  test('that does not exist is said to be so', async () => {
    await expect(requireSettings(home)).rejects.toMatchObject({
      message: `There is no installation in ${home.dir}. To make one: linchpin start --home ${home.dir}`,
      exitCode: EXIT.notRunning,
    });
  });
});

describe('the lock', () => {
  test('of a folder that cannot be written names it, and why', async () => {
    // In a process of its own: what hangs must not take the tests with it.
    const script = `
      const { lockHome } = await import(${JSON.stringify(new URL('./lock.ts', import.meta.url).href)});
      const { openHome } = await import(${JSON.stringify(new URL('./home.ts', import.meta.url).href)});
      await lockHome(openHome('/proc/linchpin')).catch(({ message }) => console.log(message));`;
    const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      encoding: 'utf8',
      timeout: 10_000,
    });
    expect(stdout).toMatch(/^Cannot write into the home folder \/proc\/linchpin: .*mkdir '\/proc\/linchpin'/);
    writeFileSync(home.dir, '');
    await expect(lockHome(home)).rejects.toThrow(`Cannot write into the home folder ${home.dir}: ENOTDIR`);
  });

  test("of another user's folder says so, to a start and to who looks", () => {
    chmodSync(join(home.dir, '..'), 0o711);
    mkdirSync(home.run, { recursive: true, mode: 0o711 });
    writeFileSync(home.lock, '', { mode: 0o000 });
    // Root reads everything: nobody does it then. Without root, not even the owner can read it.
    const script = `
      const { start } = await import(${JSON.stringify(new URL('../commands/start.ts', import.meta.url).href)});
      const { isLocked } = await import(${JSON.stringify(new URL('./lock.ts', import.meta.url).href)});
      if (process.getuid() === 0) process.seteuid('nobody');
      const home = ${JSON.stringify({ ...home })};
      await start({ home, settings: {} }).catch(({ name, message }) => console.log(name, message));
      try { isLocked(home); } catch ({ name, message }) { console.log(name, message); }`;
    const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      encoding: 'utf8',
      timeout: 20_000,
    });
    expect(stdout.split('\n')).toEqual([
      expect.stringContaining(`CliError Cannot write into the home folder ${home.dir}: EACCES`),
      expect.stringContaining(`CliError Cannot see whether an installation runs in ${home.dir}: EACCES`),
      '',
    ]);
  });

  test('is one supervisor at a time', async () => {
    const lock = await lockHome(home);
    expect(isLocked(home)).toBe(true);
    await expect(lockHome(home)).rejects.toMatchObject({ exitCode: EXIT.alreadyRunning });
    lock.release();
    expect(isLocked(home)).toBe(false);
    (await lockHome(home)).release();
  });

  test('names who runs', async () => {
    const lock = await lockHome(home);
    writeFileSync(home.runState, JSON.stringify({ pid: 4711, startedAt: '2026-11-21T10:00:00Z' }));
    await expect(lockHome(home)).rejects.toThrow(
      /already runs in .* \(pid 4711, since 2026-11-21T10:00:00Z\)/,
    );
    lock.release();
  });

  test('ends with its process, however that ends', () => {
    const script = `
      const { lockHome } = await import(${JSON.stringify(new URL('./lock.ts', import.meta.url).href)});
      await lockHome(${JSON.stringify({ ...home })});
      process.kill(process.pid, 'SIGKILL');`;
    const { signal } = spawnSync(process.execPath, ['--input-type=module', '-e', script]);
    expect(signal).toBe('SIGKILL');
    expect(isLocked(home)).toBe(false);
  });
});

describe('ports', () => {
  /** Nothing but one listener: port 0 is always free. */
  const layoutWith = (name: string, protocol: 'udp' | 'tls', port: number): Layout => {
    const any = { address: '127.0.0.1', port: 0 };
    const taken = { role: 'frontend' as const, name, protocol, address: '127.0.0.1', port };
    return {
      nats: any,
      postgres: any,
      roles: [{ role: 'frontend', name: 'frontend-0', rpc: any, http: any, listeners: [taken] }],
    };
  };

  test('are moved together', () => {
    const ports = endpointsOf(layoutOf({ portOffset: 1000, listen: '192.0.2.1' })).map(
      ({ name, port }) => `${name} ${port}`,
    );
    expect(ports).toContain('sip-tls 6061');
    expect(ports).toContain('access-wss 6444');
    expect(ports).toContain('rpc 8010');
  });

  test('that are taken are named together with what to do', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => other.once('listening', resolve));
    const { port } = other.address() as AddressInfo;
    const layout = layoutWith('sip-tls', 'tls', port);
    await expect(requireFreePorts(layout, 0)).rejects.toMatchObject({
      message: expect.stringMatching(`TCP 127.0.0.1:${port} for frontend sip-tls(.|\n)*--port-offset`),
      exitCode: EXIT.portTaken,
    });
    const patient = requireFreePorts(layout, 5_000);
    other.close();
    await patient;
  });

  test('of UDP count too', async () => {
    const other = createSocket('udp4');
    await new Promise<void>((resolve) => other.bind(0, '127.0.0.1', resolve));
    const { port } = other.address();
    await expect(requireFreePorts(layoutWith('sip-udp', 'udp', port), 0)).rejects.toThrow(
      `UDP 127.0.0.1:${port} for frontend sip-udp`,
    );
    other.close();
  });
});

describe('certificates', () => {
  let said: string[];
  const say = (line: string) => void said.push(line);
  beforeEach(() => {
    said = [];
  });
  afterEach(() => void vi.useRealTimers());
  test('are made once; keys are closed, the CA is for everybody', async () => {
    const settings = await adopt({ listen: '192.0.2.7' });
    const issued = await ensureCertificates(home, settings, say);
    expect(issued).toEqual([
      'cms-0',
      'director-0',
      'edge-0',
      'frontend-0',
      'persistent-chat-0',
      'nats-0',
      'admin',
      'contoso.lab',
    ]);
    expect(await ensureCertificates(home, settings, say)).toEqual([]);
    expect(await ensureCertificates(home, { ...settings, listen: '192.0.2.8' }, say)).toEqual([
      'contoso.lab',
    ]);
    expect(statSync(home.certificate('admin').key).mode & 0o777).toBe(0o600);
    expect(statSync(home.pki).mode & 0o001).toBe(0o001);
    expect(readFileSync(home.caFile, 'utf8')).toContain('BEGIN CERTIFICATE');
    expect(said).toEqual([]);
  });

  test('of a CA that ends are told of in time, and made anew with it', async () => {
    const settings = await adopt({});
    const at = (time: string) => vi.useFakeTimers({ toFake: ['Date'], now: new Date(time) });
    at('2026-03-01T00:00:00Z');
    const all = await ensureCertificates(home, settings, say);
    at('2036-01-01T00:00:00Z');
    await ensureCertificates(home, settings, say);
    expect(said.splice(0)).toEqual([expect.stringMatching(/ca\.pem ends on 2036-02-27\..*move ca\.pem/)]);
    at('2036-03-01T00:00:00Z');
    expect(await ensureCertificates(home, settings, say)).toEqual(all);
    expect(said).toEqual([expect.stringMatching(/ca\.pem had ended .*Give the new ca\.pem to all clients/)]);
  });
});
