// What was acknowledged survives the death of any process, and those who are signed in hardly notice.
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bodyOf, createUserAgent, type UserAgent } from '../peers/ua.ts';
import { type System, startSystem } from '../system.ts';
import { publishUsers } from '../users.ts';

let system: System;
let inside: UserAgent;
let outside: UserAgent;
let count = 0;

beforeAll(async () => {
  system = await startSystem();
  await publishUsers(system, ['ida', 'otto', 'late']);
  inside = await createUserAgent('ida@contoso.lab', 'pw-ida', { udp: system.port('sip-udp') });
  outside = await createUserAgent('otto@contoso.lab', 'pw-otto', {
    tls: system.port('access-tls'),
    caFile: system.caFile,
  });
  expect((await inside.register()).status).toBe(200);
  expect((await outside.register()).status).toBe(200);
  expect((await inside.subscribe('otto@contoso.lab')).status).toBe(200);
  await inside.received((request) => request.method === 'NOTIFY' && bodyOf(request).includes('open'));
});

afterAll(async () => {
  outside?.close();
  inside?.close();
  await system?.stop();
});

/** A message each way; retried as people do while something restarts, never longer than the ten seconds of the promise. */
async function bothCanTalk(from: UserAgent, to: UserAgent): Promise<void> {
  for (const [sender, receiver] of [
    [from, to],
    [to, from],
  ] as const) {
    const text = `message ${++count}`;
    const deadline = Date.now() + 10_000;
    for (;;) {
      const response = await sender.message(receiver.user, text).catch(() => undefined);
      if (response?.status === 200) break;
      if (Date.now() > deadline)
        throw new Error(`${sender.user} got ${response?.status} ${response?.reason}`);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    await receiver.received((request) => bodyOf(request) === text);
  }
}

async function kill(role: string): Promise<void> {
  const pid = await system.pid(role);
  process.kill(pid, 'SIGKILL');
  await expect
    .poll(
      async () => {
        const { ready, roles } = await system.status();
        return ready && roles.some((entry) => entry.role === role && entry.pid !== pid);
      },
      { timeout: 15_000 },
    )
    .toBe(true);
}

describe('kill -9 of', () => {
  it('the Front End keeps bindings and subscriptions', async () => {
    await kill('frontend');
    await bothCanTalk(inside, outside);
    // As real clients do, along the Service-Route that the sign-in gave (RFC 3608).
    const route: [string, string] = [
      'Route',
      `<sip:localhost:${system.port('access-tls')};transport=tls;lr>`,
    ];
    const routed = await outside.request('MESSAGE', {
      uri: 'sip:ida@contoso.lab',
      to: 'ida@contoso.lab',
      headers: [route, ['Route', `<sip:127.0.0.1:${system.port('access-tls')};transport=tls;lr>`]],
    });
    expect([routed.status, routed.reason]).toEqual([200, 'OK']);
    const before = inside.requests.length;
    const pidf = `<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:otto@contoso.lab"><tuple id="t"><status><basic>open</basic></status><note>after the crash</note></tuple></presence>`;
    const headers: [string, string][] = [
      ['Event', 'presence'],
      ['Content-Type', 'application/pidf+xml'],
      ['Expires', '600'],
    ];
    const published = await outside.request('PUBLISH', { uri: 'sip:otto@contoso.lab', headers, body: pidf });
    expect(published.status).toBe(200);
    const notify = await inside.received(
      (request) => inside.requests.indexOf(request) >= before && bodyOf(request).includes('after the crash'),
    );
    expect(notify.cseq.seq).toBeGreaterThan(1);
  });

  it('the Director costs remote users nothing', async () => {
    await kill('director');
    await bothCanTalk(inside, outside);
  });

  it('CMS stops no one from working or signing in', async () => {
    const pid = await system.pid('cms');
    process.kill(pid, 'SIGKILL');
    const late = await createUserAgent('late@contoso.lab', 'pw-late', { tcp: system.port('sip-tcp') });
    expect((await late.register()).status).toBe(200);
    await bothCanTalk(inside, outside);
    late.close();
    await expect.poll(async () => (await system.status()).ready, { timeout: 15_000 }).toBe(true);
  });

  it('the Edge ends its connections, and its users come back as they were', async () => {
    await kill('edge');
    await outside.closed;
    outside = await createUserAgent('otto@contoso.lab', 'pw-otto', {
      tls: system.port('access-tls'),
      caFile: system.caFile,
    });
    expect((await outside.register()).status).toBe(200);
    await bothCanTalk(inside, outside);
  });

  it.each(['nats', 'postgres'])('%s is mended, and talk goes on meanwhile', async (backend) => {
    const pid = await backendPid(backend);
    process.kill(pid, 'SIGKILL');
    await bothCanTalk(inside, outside);
    await expect.poll(async () => (await inside.register()).status, { timeout: 20_000 }).toBe(200);
    await expect.poll(() => backendPid(backend).catch(() => pid), { timeout: 15_000 }).not.toBe(pid);
    await expect
      .poll(
        () =>
          system.cli('get', 'users').then(
            () => true,
            () => false,
          ),
        { timeout: 15_000 },
      )
      .toBe(true);
  });
});

/** The process of a server that the supervisor runs beside the roles. */
async function backendPid(name: string): Promise<number> {
  const state = JSON.parse(await readFile(`${system.home}/run/supervisor.json`, 'utf8')) as {
    pids: Record<string, number>;
  };
  const pid = state.pids[name];
  if (pid === undefined) throw new Error(`${name} does not run`);
  return pid;
}
