import { createLog } from '@linchpin/host';
import type { Frame } from '@linchpin/proto/relay/v1/relay';
import { SipRequest, SipResponse } from '@linchpin/sip';
import { afterEach, expect, test } from 'vitest';
import { closed, inward } from './frames.ts';
import { createPeers } from './peers.ts';
import { createRemoteFlows, type RemoteFlows } from './remote-flows.ts';
import { createTrust } from './trust.ts';

let flows: RemoteFlows;
afterEach(() => flows.stop());

const log = createLog({ name: 'frontend-0', role: 'frontend', level: 'silent' });
const roleOf = (pod: string): string => pod.replace(/-\d+$/, '');
const ALICE = 'sip:alice@contoso.lab';

function setUp() {
  const received: string[] = [];
  const cancelAnswers: string[] = [];
  const dropped: unknown[] = [];
  const passedOn: string[] = [];
  flows = createRemoteFlows({ pod: 'frontend-0', domain: 'contoso.lab', send: () => true });
  const peers = createPeers({
    pod: 'frontend-0',
    flows,
    here: () => undefined,
    layer: {
      receive: (message, flow) =>
        void received.push(
          `${message instanceof SipRequest ? message.method : (message as SipResponse).status} ${flow.id}`,
        ),
    },
    trust: createTrust({ pod: 'frontend-0', roleOf, isRoom: () => false }),
    isFrontEnd: (pod) => roleOf(pod) === 'frontend',
    onCancelAnswer: (answer, flow, from) => void cancelAnswers.push(`${answer.status} ${flow} ${from}`),
    onToClient() {},
    tellFrontEnds: ({ flow }) => void passedOn.push(flow),
    onFrontEndGone() {},
    log: Object.assign(Object.create(log), { error: (what: unknown) => void dropped.push(what) }),
  });
  const tell = (from: string, frame: Frame) =>
    peers.told(frame, { pod: from, role: roleOf(from), send: () => true });
  const open = (id: string) => flows.of(frameOf(id, request()));
  return { peers, tell, open, received, cancelAnswers, dropped, passedOn };
}

const request = (method = 'MESSAGE'): SipRequest =>
  SipRequest.create(method, 'sip:bob@contoso.lab', [
    ['Via', 'SIP/2.0/TLS client.invalid;branch=z9hG4bK1'],
    ['From', `<${ALICE}>;tag=a`],
    ['To', '<sip:bob@contoso.lab>'],
    ['Call-ID', 'c'],
    ['CSeq', `1 ${method}`],
  ]);

const frameOf = (id: string, message: SipRequest | SipResponse, hops = 0): Frame =>
  inward(
    { id, transport: 'tls', remote: { address: '192.0.2.1', port: 1 }, sentBy: 'edge:5061' } as never,
    message.toBuffer(),
    { identity: ALICE, hops, traceparent: '' },
  );

test('a flow ends when who may tell says so, and then others hear of it', () => {
  const { tell, open, passedOn } = setUp();
  const [atEdge, atPeer] = [open('edge-0/1'), open('frontend-1/tcp/1')];
  tell('director-0', closed('frontend-1/tcp/1'));
  tell('frontend-2', closed('frontend-1/tcp/1'));
  tell('persistent-chat-0', closed('edge-0/1'));
  expect([atEdge.closed, atPeer.closed, passedOn]).toEqual([false, false, []]);
  tell('director-0', closed('edge-0/1'));
  tell('frontend-1', closed('frontend-1/tcp/1'));
  expect([atEdge.closed, atPeer.closed, passedOn]).toEqual([true, true, ['edge-0/1']]);
});

test('on the stream to a pod only that pod’s own flows are spoken of', () => {
  const { peers, open, received } = setUp();
  const flow = open('edge-0/1');
  const response = SipResponse.to(request(), 200);
  peers.answered(closed('edge-0/1'), 'edge-1');
  peers.answered(frameOf('edge-0/1', response), 'edge-1');
  expect([flow.closed, received]).toEqual([false, []]);
  peers.answered(frameOf('edge-0/1', response), 'edge-0');
  peers.answered(closed('edge-0/1'), 'edge-0');
  expect([flow.closed, received]).toEqual([true, ['200 edge-0/1']]);
});

test('another Front End answers to CANCELs that went to it from here, and to nothing else', () => {
  const { peers, open, received, cancelAnswers, dropped } = setUp();
  open('edge-0/1');
  const answer = (method: string, status: number) =>
    peers.answered(frameOf('edge-0/1', SipResponse.to(request(method), status)), 'frontend-1');
  answer('CANCEL', 481);
  answer('CANCEL', 200);
  expect(dropped).toEqual([]);
  answer('MESSAGE', 481);
  answer('CANCEL', 500);
  expect([received, cancelAnswers]).toEqual([[], ['481 edge-0/1 frontend-1', '200 edge-0/1 frontend-1']]);
  expect(dropped).toMatchObject([
    { from: 'frontend-1', status: 481, method: 'MESSAGE' },
    { from: 'frontend-1', status: 500, method: 'CANCEL' },
  ]);
});

test('what a pod says of itself is taken, of others it is not', () => {
  const { tell, received } = setUp();
  tell('director-0', frameOf('frontend-1/tcp/1', request()));
  tell('frontend-2', frameOf('frontend-1/tcp/1', request(), 1));
  tell('frontend-2', frameOf('frontend-1/tcp/1', SipResponse.to(request(), 200)));
  expect([received, [...flows.all()]]).toEqual([[], []]);
  tell('director-0', frameOf('edge-0/1', request()));
  tell('frontend-1', frameOf('frontend-1/tcp/1', request(), 1));
  tell('frontend-1', frameOf('frontend-1/tcp/1', SipResponse.to(request(), 200)));
  expect(received).toEqual(['MESSAGE edge-0/1', 'MESSAGE frontend-1/tcp/1', '200 frontend-1/tcp/1']);
});
