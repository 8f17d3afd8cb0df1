// Whatever comes in, on whatever port: a clear answer or a closed door, and everybody else is served on.

import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { answerChallenge } from '@linchpin/sip';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createUserAgent, type UserAgent, type Via } from '../peers/ua.ts';
import { roleLog, type System, startSystem } from '../system.ts';
import { publishUsers } from '../users.ts';

let system: System;
let anna: UserAgent;
let bert: UserAgent;
const agents: UserAgent[] = [];

async function agent(user: string, via: Via): Promise<UserAgent> {
  const created = await createUserAgent(`${user}@contoso.lab`, `pw-${user}`, via);
  agents.push(created);
  return created;
}

const inside = (): Via => ({ udp: system.port('sip-udp') });
const outside = (): Via => ({ tls: system.port('access-tls'), caFile: system.caFile });

beforeAll(async () => {
  system = await startSystem();
  await publishUsers(system, ['anna', 'bert', 'mallory']);
  anna = await agent('anna', inside());
  bert = await agent('bert', outside());
  expect((await anna.register()).status).toBe(200);
  expect((await bert.register()).status).toBe(200);
});

// After each attack: the same processes still serve both users.
let pids: string;
const pidsNow = async (): Promise<string> =>
  JSON.stringify((await system.status()).roles.map(({ pid }) => pid));
afterEach(async () => {
  pids ??= await pidsNow();
  expect(await pidsNow()).toBe(pids);
  expect((await anna.message(bert.user, 'still there?')).status).toBe(200);
  expect((await bert.message(anna.user, 'yes')).status).toBe(200);
});

afterAll(async () => {
  for (const created of agents) created.close();
  await system?.stop();
});

const torture = ['rfc4475', 'rfc5118'].flatMap((rfc) => {
  const folder = join(import.meta.dirname, '../../packages/sip/testdata', rfc);
  return readdirSync(folder)
    .filter((name) => name.endsWith('.dat'))
    .map((name) => readFileSync(join(folder, name)));
});

describe('torture messages of RFC 4475 and RFC 5118', () => {
  it('over UDP', async () => {
    const socket = createSocket('udp4');
    for (const message of torture) socket.send(message, system.port('sip-udp'), '127.0.0.1');
    await anna.request('OPTIONS', { authenticate: false });
    socket.close();
  });

  it('over TCP, and over TLS through Edge', async () => {
    for (const message of torture) {
      const plain = connect(system.port('sip-tcp'), '127.0.0.1', () => plain.end(message));
      const remote = connectTls(
        {
          port: system.port('access-tls'),
          host: '127.0.0.1',
          servername: 'localhost',
          ca: readFileSync(system.caFile),
        },
        () => remote.end(message),
      );
      plain.on('error', () => {}).resume();
      remote.on('error', () => {}).resume();
      await Promise.all([once(plain, 'close'), once(remote, 'close')]);
    }
  });
});

describe('garbage', () => {
  it('on every port that is open', async () => {
    for (const { port, protocol } of (await system.status()).endpoints) {
      if (protocol === 'udp') {
        const socket = createSocket('udp4');
        await new Promise((resolve) => socket.send(randomBytes(1200), port, '127.0.0.1', resolve));
        socket.close();
        continue;
      }
      const socket = connect(port, '127.0.0.1', () => socket.end(randomBytes(4096)));
      socket.on('error', () => {}).resume();
      await once(socket, 'close');
    }
  });

  it('a head without end, and a body that never comes, are cut off', async () => {
    const endless = connect(system.port('sip-tcp'), '127.0.0.1');
    endless.on('error', () => {}).resume();
    endless.write('OPTIONS sip:contoso.lab SIP/2.0\r\n');
    const pump = setInterval(() => endless.write(`X-Filler: ${'x'.repeat(8000)}\r\n`), 1);
    await once(endless, 'close');
    clearInterval(pump);

    const huge = connect(system.port('sip-tcp'), '127.0.0.1');
    let answer = '';
    huge
      .on('error', () => {})
      .on('data', (chunk) => {
        answer += chunk;
      });
    huge.write(
      `MESSAGE sip:bert@contoso.lab SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1:9;branch=z9hG4bKhuge\r\nMax-Forwards: 70\r\nFrom: <sip:anna@contoso.lab>;tag=1\r\nTo: <sip:bert@contoso.lab>\r\nCall-ID: huge\r\nCSeq: 1 MESSAGE\r\nContent-Length: 99999999\r\n\r\n`,
    );
    await once(huge, 'close');
    expect(answer).toMatch(/^SIP\/2\.0 (413|513) /);
  });
});

describe('lies', () => {
  it('a From that is somebody else is refused', async () => {
    const mallory = await agent('mallory', inside());
    const uri = 'sip:bert@contoso.lab';
    const first = await mallory.request('MESSAGE', { uri, to: 'bert@contoso.lab', authenticate: false });
    const credentials = answerChallenge(first.get('proxy-authenticate') ?? '', {
      username: 'mallory',
      password: 'pw-mallory',
      method: 'MESSAGE',
      uri,
    });
    const forged = Buffer.from(
      `MESSAGE ${uri} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bKforged;rport\r\nMax-Forwards: 70\r\nFrom: <sip:anna@contoso.lab>;tag=1\r\nTo: <${uri}>\r\nCall-ID: forged\r\nCSeq: 2 MESSAGE\r\nProxy-Authorization: ${credentials}\r\nContent-Length: 0\r\n\r\n`,
    );
    const before = bert.requests.length;
    mallory.sendRaw(forged);
    expect((await mallory.message('bert@contoso.lab', 'honest')).status).toBe(200);
    expect(bert.requests.slice(before).map((request) => request.callId)).not.toContain('forged');
  });

  it.each([
    ['inside', inside],
    ['outside', outside],
  ])('a nonce that was used before signs nobody in, %s', async (_, via) => {
    const mallory = await agent('mallory', via());
    const uri = 'sip:contoso.lab';
    const options = {
      uri,
      headers: [['Contact', mallory.contact]] as [string, string][],
      authenticate: false,
    };
    const challenge = (await mallory.request('REGISTER', options)).get('www-authenticate') ?? '';
    const answer = answerChallenge(challenge, {
      username: 'mallory',
      password: 'pw-mallory',
      method: 'REGISTER',
      uri,
    });
    const signed = {
      ...options,
      headers: [...options.headers, ['Authorization', answer] as [string, string]],
    };
    expect((await mallory.request('REGISTER', signed)).status).toBe(200);
    const thief = await agent('mallory', via());
    expect((await thief.request('REGISTER', signed)).status).toBe(401);
  });

  it('a Route that leads back here does not go round', async () => {
    const port = system.port('sip-udp');
    const loop: [string, string][] = Array.from({ length: 20 }, () => [
      'Route',
      `<sip:127.0.0.1:${port};lr>`,
    ]);
    const { status } = await anna.request('OPTIONS', {
      uri: 'sip:bert@contoso.lab',
      to: 'bert@contoso.lab',
      headers: loop,
    });
    expect(status).toBeGreaterThanOrEqual(200);
  });

  it('a request that has come too far is 483, one that has been here before is 482', async () => {
    const spent = await anna.request('OPTIONS', {
      uri: 'sip:bert@contoso.lab',
      to: 'bert@contoso.lab',
      headers: [['Max-Forwards', '0']],
    });
    expect([400, 483]).toContain(spent.status);
  });
});

describe('a request that cannot be understood', () => {
  const broken = (transport: string): string =>
    `OPTIONS sip:contoso.lab SIP/2.0\r\nVia: SIP/2.0/${transport} 127.0.0.1:9;branch=z9hG4bKbroken;rport\r\nMax-Forwards: 70\r\nFrom: <sip:anna@contoso.lab>;tag=1\r\nTo: <sip:anna@contoso.lab>\r\nCall-ID: broken\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n`;

  it.each([
    ['frontend', 'UDP', inside],
    ['edge', 'TLS', outside],
  ])('is answered by the %s with an id that its log knows', async (role, transport, via) => {
    const sender = await agent('mallory', via());
    const answered = sender.response((response) => response.callId === 'broken');
    sender.sendRaw(broken(transport));
    const response = await answered;
    expect(response.status).toBe(400);
    const id = /id="(\w+)"/.exec(response.get('ms-diagnostics') ?? '')?.[1];
    await expect.poll(() => roleLog(system, role).find((line) => line.id === id)?.rule).toBe('malformed');
  });
});

describe('a flood', () => {
  it('of wrong passwords from outside ends at the Director', async () => {
    const asked = async (): Promise<number> => {
      const { port } = system.endpoint('frontend', 'metrics');
      const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
      return Number(/^linchpin_\w*requests_total\{[^}]*REGISTER[^}]*\} (\d+)/m.exec(metrics)?.[1] ?? 0);
    };
    const before = await asked();
    expect(before).toBeGreaterThan(0);
    for (let i = 0; i < 30; i++) {
      const guesser = await createUserAgent('anna@contoso.lab', `guess-${i}`, outside());
      const { status } = await guesser.register();
      expect([403, 503]).toContain(status);
      guesser.close();
    }
    expect(await asked()).toBe(before);
  });
});
