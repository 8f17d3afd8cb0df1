import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import { createLog, type StartedRole, startRole } from '@linchpin/host';
import { FlowEvent, type Frame } from '@linchpin/proto/relay/v1/relay';
import { SipRequest, SipResponse } from '@linchpin/sip';
import {
  type Caller,
  callAs,
  createInbox,
  createLab,
  globalDocuments,
  LAB_DOMAIN,
  type Lab,
  type Neighbour,
  startNeighbour,
  topologyDocument,
} from '@linchpin/testkit';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { edgeConfig } from '../src/config.ts';
import { createRole } from '../src/role.ts';

let lab: Lab;
let ca: Buffer;
let director: Neighbour;
let edge: StartedRole;
let frontEnd: Caller;

const port = (name: string): number =>
  edge.role.endpoints().find((endpoint) => endpoint.name === name)?.port ?? 0;

interface Client {
  socket: TLSSocket;
  received: ReturnType<typeof createInbox<string>>;
  send(text: string | Buffer): void;
}

const clients: Client[] = [];

async function connectClient(): Promise<Client> {
  const socket = connect({ port: port('access-tls'), host: '127.0.0.1', servername: 'localhost', ca });
  await once(socket, 'secureConnect');
  const received = createInbox<string>();
  socket.on('data', (chunk) => received.push(chunk.toString('latin1')));
  socket.on('error', () => {});
  const client = { socket, received, send: (text: string | Buffer) => void socket.write(text) };
  clients.push(client);
  return client;
}

let count = 0;
function request(method: string, headers: [string, string][] = []): SipRequest {
  const id = `c${++count}`;
  return SipRequest.create(method, `sip:${LAB_DOMAIN}`, [
    ['Via', `SIP/2.0/TLS client.invalid;branch=z9hG4bK${id};rport`],
    ['Max-Forwards', '70'],
    ['From', `<sip:alice@${LAB_DOMAIN}>;tag=1`],
    ['To', `<sip:alice@${LAB_DOMAIN}>`],
    ['Call-ID', id],
    ['CSeq', `1 ${method}`],
    ...headers,
  ]);
}

const carries =
  (message: SipRequest) =>
  (frame: Frame): boolean =>
    frame.message.includes(message.callId);

const accessEdge = (spec: Record<string, unknown>) => ({
  kind: 'AccessEdgeConfiguration',
  name: 'global',
  spec: { halfOpenSeconds: 1, ...spec },
});

const pools = (): Parameters<typeof topologyDocument>[0] => [
  { role: 'director', members: { 'director-0': director.address } },
  { role: 'edge', members: { 'edge-0': '127.0.0.1:1' } },
];

beforeAll(async () => {
  lab = await createLab();
  const sip = await lab.sipTls(LAB_DOMAIN);
  ca = readFileSync(sip.ca);
  director = await startNeighbour({
    role: 'director',
    pod: 'director-0',
    mtls: await lab.mtls('director'),
    allow: ['edge'],
  });
  await lab.publisher.publish([
    ...globalDocuments.filter(({ kind }) => kind !== 'AccessEdgeConfiguration'),
    accessEdge({}),
    topologyDocument(pools()),
  ]);
  edge = await startRole({
    role: 'edge',
    version: '0.0.0',
    config: edgeConfig.parse({
      name: 'edge-0',
      role: 'edge',
      dataDir: join(lab.dir, 'edge'),
      rpc: { address: '127.0.0.1', port: 0 },
      http: { address: '127.0.0.1', port: 0 },
      tls: await lab.tls('edge'),
      nats: { servers: [lab.natsUrl] },
      domain: LAB_DOMAIN,
      advertised: 'sip.contoso.lab:443',
      sipTls: { cert: sip.cert, key: sip.key },
      listeners: { accessTls: { port: 0 }, accessWss: { port: 0 } },
      signInSeconds: 2,
      drainSeconds: 12,
    }),
    create: createRole,
    log: createLog({ name: 'edge-0', role: 'edge', level: 'silent' }),
  });
  frontEnd = callAs('frontend-0', await lab.mtls('frontend'), 'edge', `127.0.0.1:${edge.rpc.port}`);
  await frontEnd.up;
  await vi.waitUntil(() => director.callers.size === 1, { timeout: 15_000 });
});

afterEach(() => {
  for (const { socket } of clients.splice(0)) socket.destroy();
});

afterAll(async () => {
  frontEnd?.close();
  await edge?.stop();
  await director?.stop();
  await lab?.close();
});

describe('a remote client', () => {
  it('reaches a Director with its flow, its address and how it is reached', async () => {
    const client = await connectClient();
    const message = request('OPTIONS');
    client.send(message.toBuffer());
    const frame = await director.next(carries(message));
    expect(frame).toMatchObject({
      transport: 'tls',
      remoteAddress: '127.0.0.1',
      identity: '',
      sentBy: 'sip.contoso.lab:443',
    });
    expect(frame.flow).toMatch(/^edge-0\/\w+\.\d+$/);
    expect(frame.traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-\d\d$/);
    expect(frame.message.toString()).toMatch(/^Via: .*;received=127\.0\.0\.1/m);
  });

  it('gets answers and new requests on its flow from Director and Front End', async () => {
    const client = await connectClient();
    const message = request('OPTIONS');
    client.send(message.toBuffer());
    const { flow } = await director.next(carries(message));
    director.send('edge-0', { flow, message: Buffer.from('SIP/2.0 407 from the Director\r\n\r\n') });
    await client.received.next((text) => text.includes('407 from the Director'));
    frontEnd.send({ flow, message: Buffer.from('NOTIFY sip:a@b SIP/2.0\r\n\r\n') });
    await client.received.next((text) => text.startsWith('NOTIFY'));
  });

  it('carries the identity that a Director bound to the flow', async () => {
    const client = await connectClient();
    const first = request('OPTIONS');
    client.send(first.toBuffer());
    const { flow } = await director.next(carries(first));
    director.send('edge-0', { flow, event: FlowEvent.BOUND, identity: 'sip:alice@contoso.lab' });
    director.send('edge-0', { flow, message: Buffer.from('SIP/2.0 200 bound\r\n\r\n') });
    await client.received.next();
    const second = request('OPTIONS');
    client.send(second.toBuffer());
    expect((await director.next(carries(second))).identity).toBe('sip:alice@contoso.lab');
    client.socket.end();
    await director.next((frame) => frame.event === FlowEvent.CLOSED && frame.flow === flow);
  });

  it('answers to a Front End, found by the host of the top Via', async () => {
    const client = await connectClient();
    const asked = SipRequest.create('NOTIFY', 'sip:alice@192.0.2.9', [
      ['Via', `SIP/2.0/TLS frontend-0.${LAB_DOMAIN};branch=z9hG4bKn1`],
      ['From', '<sip:bob@contoso.lab>;tag=2'],
      ['To', '<sip:alice@contoso.lab>;tag=1'],
      ['Call-ID', 'notify-1'],
      ['CSeq', '1 NOTIFY'],
    ]);
    client.send(SipResponse.to(asked, 200).toBuffer());
    const frame = await frontEnd.next((candidate) => candidate.message.includes('notify-1'));
    expect(frame.message.toString()).toMatch(/^SIP\/2\.0 200/);
  });

  it('comes in over WebSocket too', async () => {
    const socket = new WebSocket(`wss://localhost:${port('access-wss')}`, 'sip', { ca });
    await once(socket, 'open');
    const message = request('OPTIONS');
    socket.send(message.toBuffer());
    const frame = await director.next(carries(message));
    expect(frame.transport).toBe('wss');
    director.send('edge-0', { flow: frame.flow, message: Buffer.from('SIP/2.0 200 over ws\r\n\r\n') });
    const [data] = await once(socket, 'message');
    expect(String(data)).toContain('200 over ws');
    socket.terminate();
  });

  it('is told to come back later when it sends too much, from the moment the limit changes', async () => {
    const client = await connectClient();
    const version = await lab.publisher.publish([accessEdge({ maxMessagesPerSecondPerSource: 1 })]);
    await expect.poll(() => edge.role.configVersion()).toBe(version);
    for (let i = 0; i < 8; i++) client.send(request('OPTIONS').toBuffer());
    const refusal = await client.received.next((text) => text.includes('503'));
    expect(refusal).toMatch(
      /Retry-After: 10\r\nms-diagnostics: 1002;reason="Too many messages from this address";source="edge-0";id="\w+"/,
    );
    await lab.publisher.publish([accessEdge({})]);
    await expect.poll(() => edge.role.configVersion()).toBe(version + 1);
  });

  it('meets the limits of its site from the moment Edge belongs to it', async () => {
    const client = await connectClient();
    const tight = { ...accessEdge({ maxMessagesPerSecondPerSource: 1 }), name: 'site:branch' };
    await lab.publisher.publish([tight]);
    const before = topologyDocument(pools());
    const { sites, ...spec } = before.spec as { sites: object[]; pools: object[] };
    const inBranch = spec.pools.map((pool) => ({ ...pool, site: 'branch' }));
    const version = await lab.publisher.publish([
      { ...before, spec: { ...spec, sites: [...sites, { name: 'branch' }], pools: inBranch } },
    ]);
    await expect.poll(() => edge.role.configVersion()).toBe(version);
    for (let i = 0; i < 8; i++) client.send(request('OPTIONS').toBuffer());
    await client.received.next((text) => text.includes('503'));
    await lab.publisher.publish([before]);
    await expect.poll(() => edge.role.configVersion()).toBe(version + 1);
  });
});

describe('the next hop', () => {
  it('is the one that the topology names, from the moment it changes', async () => {
    const other = await startNeighbour({
      role: 'director',
      pod: 'director-1',
      mtls: await lab.mtls('director'),
      allow: ['edge'],
    });
    const { kind, name, spec } = topologyDocument(pools());
    const { pools: known, ...rest } = spec as { pools: { name: string }[] };
    const member = { name: 'director-1', address: other.address };
    const moved = [
      ...known.map((pool) => (pool.name === 'edge' ? { ...pool, nextHop: 'other' } : pool)),
      { name: 'other', role: 'director', site: 'main', members: [member] },
    ];
    await lab.publisher.publish([{ kind, name, spec: { ...rest, pools: moved } }]);
    await vi.waitUntil(() => other.callers.size === 1 && director.callers.size === 0, { timeout: 15_000 });
    const client = await connectClient();
    const message = request('OPTIONS');
    client.send(message.toBuffer());
    await other.next(carries(message));
    expect(director.asked.some(carries(message))).toBe(false);
    await lab.publisher.publish([topologyDocument(pools())]);
    await vi.waitUntil(() => director.callers.size === 1, { timeout: 15_000 });
    await other.stop();
  });
});

describe('Directors that come and go', () => {
  /** A Director that says itself that it is there. */
  async function join(pod: string) {
    const neighbour = await startNeighbour({
      role: 'director',
      pod,
      mtls: await lab.mtls('director', pod),
      allow: ['edge'],
    });
    const members = await lab.announce({ role: 'director', pod, address: neighbour.address });
    await vi.waitUntil(() => neighbour.callers.size === 1, { timeout: 15_000 });
    return { neighbour, members };
  }

  async function say(client: Client): Promise<SipRequest> {
    const message = request('OPTIONS');
    client.send(message.toBuffer());
    return message;
  }

  it('share the flows; of one that ends the flows go to the others, and theirs stay', async () => {
    const [one, two] = [await join('director-1'), await join('director-2')];
    const all = [director, one.neighbour, two.neighbour];
    /** Who got a message, and signed its flow in, or Edge would close it. */
    const askedBy = (message: SipRequest) =>
      vi.waitUntil(
        () => {
          const at = all.findIndex(({ asked }) => asked.some(carries(message)));
          const flow = all[at]?.asked.find(carries(message))?.flow;
          if (flow === undefined) return undefined;
          all[at]?.send('edge-0', { flow, event: FlowEvent.BOUND, identity: 'sip:alice@contoso.lab' });
          return { at };
        },
        { timeout: 15_000 },
      );
    const talking: Client[] = [];
    const where = async () =>
      Promise.all(talking.map(async (client) => (await askedBy(await say(client))).at));
    const before: number[] = [];
    for (let flow = 0; flow < 24; flow++) {
      const client = await connectClient();
      talking.push(client);
      before.push((await askedBy(await say(client))).at);
    }
    expect(new Set(before)).toEqual(new Set([0, 1, 2]));

    await one.members.announce({ state: 'draining' });
    await one.members.stop();
    await one.neighbour.stop();
    const gone = all.splice(1, 1, { asked: [] } as never)[0];
    await vi.waitUntil(() => gone?.callers.size === 0, { timeout: 15_000 });
    const after = await where();
    before.forEach((at, flow) => void expect(after[flow] === at || at === 1).toBe(true));
    expect(after).not.toContain(1);
    await two.members.stop();
    await two.neighbour.stop();
  });
});

describe('the doors', () => {
  it('answer a ping with a pong', async () => {
    const client = await connectClient();
    client.send('\r\n\r\n');
    await client.received.next((text) => text === '\r\n');
  });

  it('close on garbage', async () => {
    const client = await connectClient();
    client.send(Buffer.from('\x00\x01garbage without end\r\nof a message\r\n\r\n', 'latin1'));
    await once(client.socket, 'close');
  });

  it('close a connection that sends nothing, and one that never signs in', async () => {
    const silent = await connectClient();
    const talking = await connectClient();
    talking.send(request('OPTIONS').toBuffer());
    await Promise.all([once(silent.socket, 'close'), once(talking.socket, 'close')]);
  });

  it('say that a flow is gone to whoever uses it', async () => {
    frontEnd.send({ flow: 'edge-0/gone.1', message: Buffer.from('BYE sip:a@b SIP/2.0\r\n\r\n') });
    await frontEnd.next((frame) => frame.event === FlowEvent.CLOSED && frame.flow === 'edge-0/gone.1');
  });
});

// Last: nothing follows a drain but the end of the process.
describe('an Edge that drains', () => {
  it('closes the connections of its clients, the one on which a call rings last, and takes no new ones', async () => {
    const quiet = await Promise.all([connectClient(), connectClient()]);
    const ringing = await connectClient();
    for (const client of quiet) client.send(request('OPTIONS').toBuffer());
    const invite = request('INVITE');
    ringing.send(invite.toBuffer());
    const { flow } = await director.next(carries(invite));
    director.send('edge-0', { flow, event: FlowEvent.BOUND, identity: `sip:alice@${LAB_DOMAIN}` });
    const over = edge.drain();
    expect(edge.host.health.ready).toBe(false);
    // The load balancer has not heard of it yet.
    const late = await connectClient();
    await Promise.all([...quiet, late].map(({ socket }) => once(socket, 'close')));
    expect(ringing.socket.closed).toBe(false);
    const busyHere = SipResponse.to(invite, 486, 'Busy Here', { toTag: 'b' });
    director.send('edge-0', { flow, message: busyHere.toBuffer() });
    await ringing.received.next((text) => text.includes('486 Busy Here'));
    await Promise.all([over, once(ringing.socket, 'close')]);
    await expect(connectClient()).rejects.toThrow('ECONNREFUSED');
  });
});
