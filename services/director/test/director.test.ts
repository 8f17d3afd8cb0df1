import { join } from 'node:path';
import { createLog, type StartedRole, startRole } from '@linchpin/host';
import { FlowEvent, type Frame } from '@linchpin/proto/relay/v1/relay';
import { answerChallenge, parseMessage, SipRequest, SipResponse } from '@linchpin/sip';
import {
  type Caller,
  callAs,
  createLab,
  globalDocuments,
  LAB_DOMAIN,
  type Lab,
  type Neighbour,
  startNeighbour,
  topologyDocument,
  userDocuments,
} from '@linchpin/testkit';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { directorConfig } from '../src/config.ts';
import { createRole } from '../src/role.ts';

let lab: Lab;
let frontend: Neighbour;
let director: StartedRole;
let edge: Caller;
let other: StartedRole;
let edgeAtOther: Caller;
let flows = 0;

const newFlow = (): string => `edge-0/t.${++flows}`;

function request(method: string, user: string, extra: [string, string][] = []): SipRequest {
  return SipRequest.create(method, method === 'REGISTER' ? `sip:${LAB_DOMAIN}` : `sip:bob@${LAB_DOMAIN}`, [
    ['Via', `SIP/2.0/TLS 192.0.2.1:40000;branch=z9hG4bK${Math.random().toString(36).slice(2)};rport`],
    ['Max-Forwards', '70'],
    ['From', `<sip:${user}>;tag=1`],
    ['To', method === 'REGISTER' ? `<sip:${user}>` : `<sip:bob@${LAB_DOMAIN}>`],
    ['Call-ID', Math.random().toString(36)],
    ['CSeq', `1 ${method}`],
    ...extra,
  ]);
}

/** What a client does with a challenge (RFC 7616 3.4). */
function answerTo(
  challenge: SipResponse,
  method: string,
  username: string,
  password: string,
): [string, string] {
  const [asks, answers] =
    challenge.status === 401
      ? (['www-authenticate', 'Authorization'] as const)
      : (['proxy-authenticate', 'Proxy-Authorization'] as const);
  const uri = `sip:${LAB_DOMAIN}`;
  return [answers, answerChallenge(challenge.getAll(asks)[0] ?? '', { username, password, method, uri })];
}

/** Sends a request as an Edge would and waits for what comes back on the flow. */
async function ask(message: SipRequest, flow: string, fields: Partial<Frame> = {}): Promise<SipResponse> {
  edge.send({ message: message.toBuffer(), flow, ...fields });
  const frame = await edge.next(
    (candidate) => candidate.flow === flow && candidate.message.length > 0 && isAnswerTo(candidate, message),
  );
  return parseMessage(frame.message) as SipResponse;
}

const isAnswerTo = (frame: Frame, message: SipRequest): boolean => {
  const answer = parseMessage(frame.message);
  return answer instanceof SipResponse && answer.via.branch === message.via.branch;
};

const passed =
  (message: SipRequest) =>
  (frame: Frame): boolean =>
    frame.message.includes(message.via.branch ?? 'none');

async function signIn(user: string, password: string, flow = newFlow(), fields: Partial<Frame> = {}) {
  const challenge = await ask(request('REGISTER', user), flow, fields);
  const signed = request('REGISTER', user, [
    answerTo(challenge, 'REGISTER', user.split('@')[0] ?? '', password),
  ]);
  return { flow, signed, response: await ask(signed, flow, fields) };
}

const startDirector = async (name: string): Promise<StartedRole> =>
  startRole({
    role: 'director',
    version: '0.0.0',
    config: directorConfig.parse({
      name,
      role: 'director',
      dataDir: join(lab.dir, name),
      rpc: { address: '127.0.0.1', port: 0 },
      http: { address: '127.0.0.1', port: 0 },
      tls: await lab.tls('director', name),
      nats: { servers: [lab.natsUrl] },
      // A bucket as wide as the tests need, and one that is quick to empty.
      limits: {
        unauthenticated: { perSecond: 1000, burst: 1000 },
        sourceFailures: { perSecond: 0.001, burst: 5 },
      },
    }),
    create: createRole,
    log: createLog({ name, role: 'director', level: 'silent' }),
  });

beforeAll(async () => {
  lab = await createLab();
  frontend = await startNeighbour({
    role: 'frontend',
    pod: 'frontend-0',
    mtls: await lab.mtls('frontend'),
    allow: ['director'],
  });
  await lab.publisher.publish([
    ...globalDocuments,
    topologyDocument([
      { role: 'director', members: { 'director-0': '127.0.0.1:1' } },
      { role: 'edge', members: { 'edge-0': '127.0.0.1:1' } },
      { role: 'frontend', members: { 'frontend-0': frontend.address } },
    ]),
    { kind: 'ExternalAccessPolicy', name: 'inside-only', spec: { outsideAccess: false } },
    ...userDocuments({ name: 'alice', password: 'pw-alice' }),
    ...userDocuments({ name: 'bob', password: 'pw-bob' }),
    ...userDocuments({ name: 'dora', password: 'pw-dora', spec: { enabled: false } }),
    ...userDocuments({
      name: 'ines',
      password: 'pw-ines',
      spec: { policies: { externalAccess: 'inside-only' } },
    }),
  ]);
  director = await startDirector('director-0');
  edge = callAs('edge-0', await lab.mtls('edge'), 'director', `127.0.0.1:${director.rpc.port}`);
  await edge.up;
  // The replica and the stream to the Front End come up on their own.
  await vi.waitUntil(() => director.role.configVersion() > 0, { timeout: 15_000 });
  await vi.waitUntil(() => frontend.callers.size === 1, { timeout: 15_000 });
});

afterAll(async () => {
  edge?.close();
  edgeAtOther?.close();
  await other?.stop();
  await director?.stop();
  await frontend?.stop();
  await lab?.close();
});

describe('sign-in from outside', () => {
  it('challenges REGISTER with 401 and everything else with 407, each algorithm in the configured order', async () => {
    const register = await ask(request('REGISTER', `alice@${LAB_DOMAIN}`), newFlow());
    expect(register.status).toBe(401);
    expect(register.getAll('www-authenticate').map((value) => /algorithm=([\w-]+)/.exec(value)?.[1])).toEqual(
      ['MD5', 'SHA-256'],
    );
    expect((await ask(request('MESSAGE', `alice@${LAB_DOMAIN}`), newFlow())).status).toBe(407);
  });

  it('passes a signed request to the home pool with the identity and tells Edge who the flow is', async () => {
    const flow = newFlow();
    const challenge = await ask(request('REGISTER', `alice@${LAB_DOMAIN}`), flow);
    const signed = request('REGISTER', `alice@${LAB_DOMAIN}`, [
      answerTo(challenge, 'REGISTER', 'alice', 'pw-alice'),
    ]);
    edge.send({ message: signed.toBuffer(), flow });
    const arrived = await frontend.next(passed(signed));
    expect(arrived).toMatchObject({ identity: `sip:alice@${LAB_DOMAIN}`, flow });
    const bound = await edge.next((frame) => frame.event === FlowEvent.BOUND && frame.flow === flow);
    expect(bound.identity).toBe(`sip:alice@${LAB_DOMAIN}`);
  });

  it('does not challenge the same identity on its flow again, but any other', async () => {
    const identity = `sip:alice@${LAB_DOMAIN}`;
    const message = request('MESSAGE', `alice@${LAB_DOMAIN}`);
    edge.send({ message: message.toBuffer(), flow: newFlow(), identity });
    await frontend.next(passed(message));
    expect((await ask(request('MESSAGE', `bob@${LAB_DOMAIN}`), newFlow(), { identity })).status).toBe(407);
  });
});

describe('who may not come in', () => {
  const refusals = [
    ['an unknown user', `nobody@${LAB_DOMAIN}`, 'x'],
    ['a wrong password', `alice@${LAB_DOMAIN}`, 'wrong'],
    ['a disabled user', `dora@${LAB_DOMAIN}`, 'pw-dora'],
    ['a user without external access', `ines@${LAB_DOMAIN}`, 'pw-ines'],
  ] as const;

  it.each(refusals)(
    '%s is refused like all others and never reaches a Front End',
    async (_, user, password) => {
      const { signed, response } = await signIn(user, password, newFlow(), {
        remoteAddress: `198.51.100.${++flows}`,
      });
      const text = response
        .toBuffer()
        .toString('latin1')
        .replace(/;id="\w+"|^(Via|From|To|Call-ID):.*\r\n/gim, '');
      expect(text).toBe(
        'SIP/2.0 403 Forbidden\r\nCSeq: 1 REGISTER\r\nms-diagnostics: 1000;reason="Sign-in refused";source="director-0"\r\nContent-Length: 0\r\n\r\n',
      );
      expect(frontend.asked.some(passed(signed))).toBe(false);
    },
  );

  it('keeps the connection of who is signed in and mistypes another password', async () => {
    const flow = newFlow();
    const identity = `sip:alice@${LAB_DOMAIN}`;
    await signIn(`bob@${LAB_DOMAIN}`, 'mistyped', flow, { identity, remoteAddress: `198.51.100.${++flows}` });
    expect(edge.frames.some((frame) => frame.flow === flow && frame.event === FlowEvent.CLOSE)).toBe(false);
  });

  it('treats a nonce that was used before as stale', async () => {
    const { flow, signed } = await signInQuietly('bob');
    const again = request('REGISTER', `bob@${LAB_DOMAIN}`, [
      ['Authorization', signed.get('authorization') ?? ''],
    ]);
    const response = await ask(again, flow);
    expect(response.status).toBe(401);
    expect(response.get('www-authenticate')).toContain('stale=true');
  });

  it('counts the addresses of one IPv6 network as one source', async () => {
    const from = (host: number) => ({ remoteAddress: `2001:db8:1:2::${host}` });
    for (let guess = 0; guess < 5; guess++)
      await signIn(`bob@${LAB_DOMAIN}`, 'guess', newFlow(), from(guess));
    expect((await signIn(`bob@${LAB_DOMAIN}`, 'pw-bob', newFlow(), from(9))).response.status).toBe(403);
  });

  it('ignores an ACK before sign-in', async () => {
    const ack = request('ACK', `alice@${LAB_DOMAIN}`);
    edge.send({ message: ack.toBuffer(), flow: newFlow() });
    // The next request on the stream is answered, so the ACK has been handled by then.
    expect((await ask(request('OPTIONS', `alice@${LAB_DOMAIN}`), newFlow())).status).toBe(407);
    expect(frontend.asked.some(passed(ack))).toBe(false);
  });

  it('stops a source that guesses passwords, also with the right one, and lets others in', async () => {
    const guesser = { remoteAddress: '203.0.113.7' };
    for (let guess = 0; guess < 5; guess++) await signIn(`bob@${LAB_DOMAIN}`, 'guess', newFlow(), guesser);
    expect((await signIn(`bob@${LAB_DOMAIN}`, 'pw-bob', newFlow(), guesser)).response.status).toBe(403);
    await signInQuietly('bob');
  });
});

/** Signs in and waits until the Front End saw it: the fake one does not answer. */
async function signInQuietly(name: string) {
  const flow = newFlow();
  const challenge = await ask(request('REGISTER', `${name}@${LAB_DOMAIN}`), flow);
  const signed = request('REGISTER', `${name}@${LAB_DOMAIN}`, [
    answerTo(challenge, 'REGISTER', name, `pw-${name}`),
  ]);
  edge.send({ message: signed.toBuffer(), flow });
  await frontend.next(passed(signed));
  return { flow, signed };
}

describe('live configuration', () => {
  it('ends the flow of a user who loses external access', async () => {
    const identity = `sip:carol@${LAB_DOMAIN}`;
    await lab.publisher.publish(userDocuments({ name: 'carol', password: 'pw-carol' }));
    await expect.poll(() => director.role.configVersion()).toBe(2);
    await signInQuietly('carol');
    await lab.publisher.publish(
      userDocuments({ name: 'carol', password: 'pw-carol', spec: { enabled: false } }),
    );
    await expect.poll(() => director.role.configVersion()).toBe(3);
    const flow = newFlow();
    expect((await ask(request('MESSAGE', `carol@${LAB_DOMAIN}`), flow, { identity })).status).toBe(403);
    await edge.next((frame) => frame.event === FlowEvent.CLOSE && frame.flow === flow);
  });

  it('keeps authenticating from its replica while NATS is away', async () => {
    await lab.stopNats();
    await signInQuietly('alice');
    await lab.startNats();
  });
});

describe('several Directors', () => {
  const alice = `alice@${LAB_DOMAIN}`;

  beforeAll(async () => {
    other = await startDirector('director-1');
    edgeAtOther = callAs('edge-0', await lab.mtls('edge'), 'director', `127.0.0.1:${other.rpc.port}`);
    await edgeAtOther.up;
    await vi.waitUntil(() => other.role.configVersion() > 0 && frontend.callers.size === 2, {
      timeout: 15_000,
    });
  });

  const askOther = async (message: SipRequest, flow: string): Promise<SipResponse> => {
    edgeAtOther.send({ message: message.toBuffer(), flow });
    const frame = await edgeAtOther.next(
      (candidate) =>
        candidate.flow === flow && candidate.message.length > 0 && isAnswerTo(candidate, message),
    );
    return parseMessage(frame.message) as SipResponse;
  };

  it('ask a client once more that answers the challenge of another one, with its password still good', async () => {
    const flow = newFlow();
    const challenge = await ask(request('REGISTER', alice), flow);
    const answered = request('REGISTER', alice, [answerTo(challenge, 'REGISTER', 'alice', 'pw-alice')]);
    const again = await askOther(answered, flow);
    expect(again.status).toBe(401);
    expect(again.get('www-authenticate')).toContain('stale=true');
    expect(frontend.asked.some(passed(answered))).toBe(false);
    const signed = request('REGISTER', alice, [answerTo(again, 'REGISTER', 'alice', 'pw-alice')]);
    edgeAtOther.send({ message: signed.toBuffer(), flow });
    await frontend.next(passed(signed));
  });

  it('take what comes on a flow that another one has signed in', async () => {
    const flow = newFlow();
    const [first, second] = [request('MESSAGE', alice), request('MESSAGE', alice)];
    edge.send({ message: first.toBuffer(), flow, identity: `sip:${alice}` });
    await frontend.next(passed(first));
    edgeAtOther.send({ message: second.toBuffer(), flow, identity: `sip:${alice}` });
    await frontend.next(passed(second));
  });

  it('bring a request to the Front End that says it serves the user', async () => {
    const second = await startNeighbour({
      role: 'frontend',
      pod: 'frontend-1',
      mtls: await lab.mtls('frontend', 'frontend-1'),
      allow: ['director'],
    });
    const groups = { warm: [], backupLag: 0, users: 0, registrations: 0 };
    const owned = Array.from({ length: 32 }, (_, group): [number, number] => [group, 1]);
    const members = await lab.announce({
      role: 'frontend',
      pod: 'frontend-1',
      address: second.address,
      groups: { ...groups, owned },
    });
    await vi.waitUntil(() => second.callers.size === 2, { timeout: 15_000 });
    const send = (message: SipRequest) =>
      edge.send({ message: message.toBuffer(), flow: newFlow(), identity: `sip:${alice}` });
    const toSecond = request('MESSAGE', alice);
    send(toSecond);
    await second.next(passed(toSecond));
    await members.stop();
    await second.stop();
    await vi.waitFor(async () => {
      const toFirst = request('MESSAGE', alice);
      send(toFirst);
      await frontend.next(passed(toFirst), 500);
    }, 15_000);
  });

  it('tell the Edges before they end', async () => {
    const watcher = await lab.announce({ role: 'frontend', pod: 'watcher-0', address: '127.0.0.1:1' });
    await vi.waitUntil(() => watcher.get('director-1') !== undefined, { timeout: 15_000 });
    const states: (string | undefined)[] = [];
    watcher.onChange(() => states.push(watcher.get('director-1')?.state));
    await other.drain();
    await vi.waitFor(() => expect(states).toContain('draining'), 15_000);
    await other.stop();
    await vi.waitFor(() => expect(states.at(-1)).toBeUndefined(), 15_000);
    await watcher.stop();
  });
});

describe('a home pool that is away', () => {
  it('is answered with 503 and Retry-After', async () => {
    await frontend.stop();
    await expect
      .poll(
        async () => {
          const response = ask(request('MESSAGE', `alice@${LAB_DOMAIN}`), newFlow(), {
            identity: `sip:alice@${LAB_DOMAIN}`,
          });
          return Promise.race([
            response.then(({ status }) => status),
            new Promise((resolve) => setTimeout(resolve, 300)),
          ]);
        },
        { timeout: 10_000 },
      )
      .toBe(503);
  });
});
