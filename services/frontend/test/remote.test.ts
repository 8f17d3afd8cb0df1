import { FlowEvent, type Frame } from '@linchpin/proto/relay/v1/relay';
import { newBranch, newCallId, newTag, parseMessage, SipRequest, SipResponse } from '@linchpin/sip';
import {
  type Caller,
  callAs,
  LAB_DOMAIN,
  type LabDocument,
  type Neighbour,
  startNeighbour,
  topologyDocument,
  userDocuments,
} from '@linchpin/testkit';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { type FrontEnd, startFrontEnd } from './front-end.ts';

const uriOf = (user: string): string => `sip:${user}@${LAB_DOMAIN}`;
const FLOW = 'edge-0/t1.1';
const ADVERTISED = 'edge.contoso.lab:5443';

let frontEnd: FrontEnd;
let edge: Neighbour;
let director: Caller;
/** What the client at the Edge answers. */
let answer: (request: SipRequest) => SipResponse | undefined;
/** Whether the Edge says that it does not know the flow. */
let flowIsGone = false;

const topology = (edges: Record<string, string>): LabDocument =>
  topologyDocument([
    { role: 'frontend', members: { 'frontend-0': '127.0.0.1:7040' } },
    { role: 'director', members: {} },
    { role: 'edge', members: edges },
  ]);

async function connectDirector(): Promise<void> {
  const address = `127.0.0.1:${frontEnd.started.rpc.port}`;
  director = callAs('director-0', await frontEnd.lab.mtls('director'), 'frontend', address);
  await director.up;
}

beforeEach(async () => {
  answer = (request) => SipResponse.to(request, 200);
  flowIsGone = false;
  frontEnd = await startFrontEnd({
    users: ['alice', 'bob'],
    config: { registrar: { graceSeconds: 0.2 } },
  });
  edge = await startNeighbour({
    role: 'edge',
    pod: 'edge-0',
    mtls: await frontEnd.lab.mtls('edge'),
    allow: ['frontend'],
    answer: (request) => (flowIsGone ? undefined : answer(request)),
    onAsked(frame) {
      if (flowIsGone && frame.event === FlowEvent.UNSPECIFIED)
        edge.send('frontend-0', { flow: frame.flow, event: FlowEvent.CLOSED });
    },
  });
  await frontEnd.publish([topology({ 'edge-0': edge.address })]);
  await vi.waitFor(() => expect(edge.callers.size).toBe(1), { timeout: 10_000 });
  await connectDirector();
});
afterEach(async () => {
  director?.close();
  await frontEnd?.close();
  await edge?.stop();
});

let cseq = 0;
function build(method: string, uri: string, headers: [string, string][] = [], user = 'alice'): SipRequest {
  return SipRequest.create(method, uri, [
    ['Via', `SIP/2.0/TLS 192.0.2.1:40000;branch=${newBranch()};rport=40000;received=192.0.2.1`],
    ['Max-Forwards', '70'],
    ['From', `<${uriOf(user)}>;tag=${newTag()}`],
    ['To', `<${method === 'REGISTER' ? uriOf(user) : uri}>`],
    ['Call-ID', newCallId()],
    ['CSeq', `${++cseq} ${method}`],
    ...headers,
  ]);
}

const relay = (message: SipRequest, fields: Partial<Frame> = {}) =>
  director.send({
    message: message.toBuffer(),
    flow: FLOW,
    identity: uriOf('alice'),
    sentBy: ADVERTISED,
    ...fields,
  });

/** Brings a request as a Director does; the answer leaves by the stream to the Edge. */
async function ask(message: SipRequest): Promise<SipResponse> {
  relay(message);
  const branch = message.via.branch ?? '';
  const answered = await edge.next((frame) => frame.message.includes(`branch=${branch}`) && isFinal(frame));
  expect(answered.flow).toBe(FLOW);
  return parseMessage(answered.message) as SipResponse;
}

function isFinal(frame: Frame): boolean {
  const message = parseMessage(frame.message);
  return message instanceof SipResponse && message.status >= 200;
}

const contact: [string, string] = ['Contact', '<sip:alice@192.0.2.1:40000;transport=tls>'];
const signIn = () => ask(build('REGISTER', `sip:${LAB_DOMAIN}`, [contact]));

async function received(method: string): Promise<SipRequest> {
  const frame = await edge.next(
    (candidate) => candidate.message.subarray(0, method.length).toString() === method,
  );
  return parseMessage(frame.message) as SipRequest;
}

describe('a client at an Edge', () => {
  test('signs in without a challenge, since its Director has seen to that', async () => {
    const response = await signIn();
    expect(response.status).toBe(200);
    expect(response.get('service-route')).toBe(`<sip:${ADVERTISED};transport=tls;lr>`);
  });

  test('gets messages over its flow, and its answer comes back over the same stream', async () => {
    await signIn();
    const bob = await frontEnd.phone('bob');
    expect((await bob.ask('MESSAGE', uriOf('alice'), { body: 'hi' })).status).toBe(200);
    const message = await received('MESSAGE');
    expect(edge.asked.find((frame) => frame.message.includes('MESSAGE'))?.traceparent).toMatch(
      /^00-[0-9a-f]{32}-/,
    );
    expect(message.via.host).toBe('frontend-0.contoso.lab');
    expect(message.uri).toBe('sip:alice@192.0.2.1:40000;transport=tls');
  });

  test('is answered within the trace of its request', async () => {
    const request = build('REGISTER', `sip:${LAB_DOMAIN}`, [contact]);
    const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
    relay(request, { traceparent: `00-${trace}-00f067aa0ba902b7-01` });
    const answered = await edge.next((frame) => frame.message.includes(request.callId));
    expect(answered.traceparent).toContain(trace);
  });

  test('is led back through its Edge in a dialog', async () => {
    await signIn();
    const bob = await frontEnd.phone('bob');
    answer = (request) => SipResponse.to(request, 603);
    await bob.ask('INVITE', uriOf('alice'), { headers: [['Contact', `<${bob.contact}>`]] });
    const [callee = '', caller = ''] = (await received('INVITE')).values('record-route');
    expect(callee).toMatch(new RegExp(`^<sip:[^@]+@${ADVERTISED};transport=tls;lr>$`));
    expect(caller).toMatch(/^<sip:[^@]+@127\.0\.0\.1:\d+;transport=udp;lr>$/);
  });

  test('is reached as before after the Front End has started again', async () => {
    await signIn();
    director.close();
    await frontEnd.restart();
    await vi.waitFor(() => expect(edge.callers.get('frontend-0')?.up).toBe(true), { timeout: 10_000 });
    const bob = await frontEnd.phone('bob');
    expect((await bob.ask('MESSAGE', uriOf('alice'))).status).toBe(200);
  });

  test('is signed out some time after its connection has ended', async () => {
    await signIn();
    const bob = await frontEnd.phone('bob');
    director.send({ flow: FLOW, event: FlowEvent.CLOSED, identity: uriOf('alice') });
    await expect.poll(async () => (await bob.ask('MESSAGE', uriOf('alice'))).status).toBe(480);
  });

  test('whose connection is found to be gone is not waited for', async () => {
    await signIn();
    const bob = await frontEnd.phone('bob');
    flowIsGone = true;
    const from = performance.now();
    const failed = await bob.ask('MESSAGE', uriOf('alice'));
    expect([failed.status, failed.get('ms-diagnostics')?.split(';')[0]]).toEqual([480, '1063']);
    expect(performance.now() - from).toBeLessThan(5000);
  });

  test('whose connection is known to be gone is not tried again', async () => {
    await signIn();
    const bob = await frontEnd.phone('bob');
    flowIsGone = true;
    await bob.ask('MESSAGE', uriOf('alice'));
    flowIsGone = false;
    const again = await bob.ask('MESSAGE', uriOf('alice'));
    expect([again.status, again.get('ms-diagnostics')?.split(';')[0]]).toEqual([480, '1062']);
  });

  test('whose answer was lost with a stream gets it when the request comes again, which does nothing more', async () => {
    const bob = await frontEnd.phone('bob');
    await bob.register();
    const message = build('MESSAGE', uriOf('bob'));
    const answers = () =>
      edge.asked.filter((frame) => frame.message.includes(message.callId)).map((frame) => `${frame.message}`);
    const answered = ask(message);
    bob.answer(await bob.next('MESSAGE'), 200);
    expect((await answered).status).toBe(200);
    relay(message);
    await expect.poll(() => answers().length).toBe(2);
    expect(answers()[1]).toBe(answers()[0]);
    expect(bob.requests.filter(({ method }) => method === 'MESSAGE')).toHaveLength(1);
  });

  test('is cut off when it is disabled', async () => {
    await signIn();
    await frontEnd.publish(userDocuments({ name: 'alice', password: 'pw-alice', spec: { enabled: false } }));
    const close = await edge.next(({ event }) => event === FlowEvent.CLOSE);
    expect(close.flow).toBe(FLOW);
  });
});

describe('an Edge that may be another process', () => {
  async function startEdge(pod: string): Promise<Neighbour> {
    const mtls = await frontEnd.lab.mtls('edge', pod);
    const started = await startNeighbour({ role: 'edge', pod, mtls, allow: ['frontend'] });
    onTestFinished(() => started.stop());
    return started;
  }

  /** A message that the client has and will answer only now. */
  async function underWay() {
    answer = () => undefined;
    await signIn();
    const bob = await frontEnd.phone('bob');
    const asked = bob.ask('MESSAGE', uriOf('alice'));
    const response = SipResponse.to(await received('MESSAGE'), 200);
    return { asked, frame: { flow: FLOW, message: response.toBuffer() } };
  }

  const isProbe = ({ event, flow }: Frame): boolean => event === FlowEvent.PROBE && flow === FLOW;

  test('since it has moved is asked about its flows, which live until it says that they do not', async () => {
    const { asked, frame } = await underWay();
    const moved = await startEdge('edge-0');
    await frontEnd.publish([topology({ 'edge-0': moved.address })]);
    await moved.next(isProbe);
    moved.send('frontend-0', frame);
    expect((await asked).status).toBe(200);
  });

  test('since it has announced itself anew is asked as well', async () => {
    const { lab } = frontEnd;
    const announced = await lab.announce({ role: 'edge', pod: 'edge-0', address: edge.address });
    const other = await startEdge('edge-7');
    await lab.announce({ role: 'edge', pod: 'edge-7', address: other.address });
    await vi.waitFor(() => expect(other.callers.size).toBe(1), { timeout: 10_000 });
    const { asked, frame } = await underWay();
    await announced.stop();
    await lab.announce({ role: 'edge', pod: 'edge-0', address: edge.address });
    await edge.next(isProbe, 10_000);
    edge.send('frontend-0', frame);
    expect((await asked).status).toBe(200);
  });
});

describe('a frame', () => {
  test('without an identity is dropped', async () => {
    relay(build('REGISTER', `sip:${LAB_DOMAIN}`, [contact]), { identity: '' });
    expect((await ask(build('REGISTER', `sip:${LAB_DOMAIN}`))).values('contact')).toEqual([]);
  });

  test('with a request that claims to be of another is refused', async () => {
    const spoofed = build('MESSAGE', uriOf('bob'));
    spoofed.set('from', `<${uriOf('bob')}>;tag=1`);
    expect((await ask(spoofed)).status).toBe(403);
  });

  test('of an Edge about a flow at another is dropped', async () => {
    await signIn();
    const mtls = await frontEnd.lab.mtls('edge', 'edge-1');
    const other = await startNeighbour({ role: 'edge', pod: 'edge-1', mtls, allow: ['frontend'] });
    onTestFinished(() => other.stop());
    await frontEnd.publish([topology({ 'edge-0': edge.address, 'edge-1': other.address })]);
    await vi.waitFor(() => expect(other.callers.size).toBe(1), { timeout: 10_000 });
    const flow = 'edge-1/t1.1';
    const there: [string, string] = ['Contact', '<sip:bob@192.0.2.1:40000;transport=tls>'];
    const register = build('REGISTER', `sip:${LAB_DOMAIN}`, [there], 'bob');
    relay(register, { flow, identity: uriOf('bob') });
    await other.next(isFinal);
    const [alice, bob] = [await frontEnd.phone('alice'), await frontEnd.phone('bob')];
    answer = () => undefined;
    const toAlice = bob.ask('MESSAGE', uriOf('alice'));
    const toBob = alice.ask('MESSAGE', uriOf('bob'));
    const message = await received('MESSAGE');
    const behind = await other.next((frame) => frame.message.subarray(0, 7).toString() === 'MESSAGE');
    other.send('frontend-0', { flow: FLOW, message: SipResponse.to(message, 603).toBuffer() });
    other.send('frontend-0', { flow: FLOW, event: FlowEvent.CLOSED });
    const answered = SipResponse.to(parseMessage(behind.message) as SipRequest, 200);
    other.send('frontend-0', { flow, message: answered.toBuffer() });
    expect((await toBob).status).toBe(200);
    edge.send('frontend-0', { flow: FLOW, message: SipResponse.to(message, 200).toBuffer() });
    expect((await toAlice).status).toBe(200);
  });

  test('with a request that an Edge sends by itself is dropped', async () => {
    await signIn();
    const mallory: [string, string] = ['Contact', '<sip:mallory@192.0.2.66>'];
    const request = build('REGISTER', `sip:${LAB_DOMAIN}`, [mallory]);
    edge.send('frontend-0', { message: request.toBuffer(), flow: FLOW, identity: uriOf('alice') });
    // Its answer comes behind the request on the same stream.
    const bob = await frontEnd.phone('bob');
    expect((await bob.ask('MESSAGE', uriOf('alice'))).status).toBe(200);
    expect((await ask(build('REGISTER', `sip:${LAB_DOMAIN}`))).values('contact')).toHaveLength(1);
  });
});
