import type { Frame } from '@linchpin/proto/relay/v1/relay';
import { type Flow, parseMessage, SipRequest, SipResponse } from '@linchpin/sip';
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import type { Refused } from '../refused.ts';
import { createDispatch, type Dispatch, type DispatchParts } from './dispatch.ts';
import { createRelayedTransactions } from './relayed.ts';
import { RemoteFlow } from './remote-flow.ts';

const BOB = 'sip:bob@contoso.lab';
const ALICE = 'sip:alice@contoso.lab';

const udp = {
  id: 'frontend-0/udp/10.0.0.1:5060/192.0.2.1:40000',
  transport: 'udp',
  reliable: false,
  identity: '',
  sentBy: '10.0.0.1:5060',
  remote: { address: '192.0.2.1', port: 40_000 },
  closed: false,
} as Flow;

const remote = (hops: number): Flow => {
  const facts = { transport: 'tls', remote: udp.remote, sentBy: 'edge:5061' } as const;
  const host = 'frontend-0.contoso.lab';
  const flow = new RemoteFlow({ id: 'edge-0/a.1', host, facts, deliver: () => true, hangUp() {} });
  flow.hops = hops;
  return flow;
};

const request = (method: string): SipRequest =>
  SipRequest.create(method, BOB, [
    ['Via', 'SIP/2.0/UDP 192.0.2.1:40000;branch=z9hG4bK1'],
    ['From', `<${ALICE}>;tag=a`],
    ['To', `<${BOB}>`],
    ['Call-ID', 'c'],
    ['CSeq', `1 ${method}`],
  ]);

const running: Dispatch[] = [];
afterEach(() => {
  for (const dispatch of running.splice(0)) dispatch.stop();
});

function setUp(parts: Partial<DispatchParts> = {}) {
  let owner: string | undefined = 'frontend-1';
  let up = true;
  const sent: [to: string, frame: Frame][] = [];
  const received: SipRequest[] = [];
  const replied: number[] = [];
  const outcome: string[] = [];
  const refused: Refused[] = [];
  const dispatch = createDispatch({
    pod: 'frontend-0',
    domain: 'contoso.lab',
    owners: {
      serves: () => owner === 'frontend-0',
      ownerOf: () => owner,
      loaded: true,
      onOwners: () => () => {},
    },
    isHomed: (aor) => aor === BOB,
    links: {
      isUp: () => up,
      isFrontEnd: (name) => name === 'frontend-1',
      send: (to, frame) => sent.push([to, frame]) > 0,
    },
    layer: {
      receive: (message) => void received.push(message as SipRequest),
      reply: (_request, _flow, { status }) => void replied.push(status),
    },
    relayed: createRelayedTransactions(),
    ...parts,
  });
  running.push(dispatch);
  const relay = (message = request('INVITE'), flow = udp) =>
    dispatch.relay({
      request: message,
      flow,
      identity: ALICE,
      aor: BOB,
      traceparent: '00-trace',
      serve: () => outcome.push('served'),
      refuse(why) {
        outcome.push('refused');
        refused.push(why);
      },
    });
  return {
    dispatch,
    relay,
    sent,
    received,
    replied,
    outcome,
    refused,
    moves(to: string | undefined) {
      owner = to;
      dispatch.look();
    },
    link: (isUp: boolean) => {
      up = isUp;
    },
  };
}

const sentTo = (sent: [string, Frame][]) =>
  sent.map(([to, { message, hops }]) => `${(parseMessage(message) as SipRequest).method} ${to} ${hops}`);

describe('a request for a user of another pod', () => {
  test('goes there with the proven sender and the way back', () => {
    const { relay, sent } = setUp();
    relay();
    expect(sent).toMatchObject([
      [
        'frontend-1',
        {
          flow: udp.id,
          identity: ALICE,
          transport: 'udp',
          remoteAddress: '192.0.2.1',
          remotePort: 40_000,
          sentBy: '10.0.0.1:5060',
          traceparent: '00-trace',
          hops: 1,
        },
      ],
    ]);
  });

  test('is followed by its copies, its CANCEL and its ACK, wherever the user is by then', () => {
    const { relay, sent, moves, dispatch } = setUp();
    relay();
    moves('frontend-2');
    for (const method of ['INVITE', 'CANCEL', 'ACK'])
      expect(dispatch.follow(request(method), udp)).toBe(true);
    expect(sentTo(sent)).toEqual([
      'INVITE frontend-1 1',
      'INVITE frontend-1 1',
      'CANCEL frontend-1 1',
      'ACK frontend-1 1',
    ]);
    expect(dispatch.follow(request('MESSAGE'), udp)).toBe(false);
  });

  test('is new again when the pod that has it is gone', () => {
    const { relay, link, dispatch } = setUp();
    relay();
    link(false);
    expect(dispatch.follow(request('INVITE'), udp)).toBe(false);
  });

  test('passes three pods and no more', () => {
    const { relay, sent, refused } = setUp();
    relay(request('MESSAGE'), remote(2));
    relay(request('MESSAGE'), remote(3));
    expect(sentTo(sent)).toEqual(['MESSAGE frontend-1 3']);
    expect(refused).toMatchObject([{ status: 503, rule: 'relay-loop' }]);
  });

  test('that comes round is no copy', () => {
    const { relay, dispatch } = setUp();
    relay(request('INVITE'), remote(0));
    expect(dispatch.follow(request('INVITE'), remote(0))).toBe(true);
    expect(dispatch.follow(request('INVITE'), remote(2))).toBe(false);
  });
});

describe('a request for a user whom nobody serves for now', () => {
  test('waits, without its copies, and is served when this pod does', () => {
    const { relay, moves, dispatch, outcome, received } = setUp();
    moves(undefined);
    relay();
    expect(dispatch.follow(request('INVITE'), udp)).toBe(true);
    expect(dispatch.follow(request('CANCEL'), udp)).toBe(true);
    expect([dispatch.waiting, outcome, received]).toEqual([1, [], []]);
    moves('frontend-0');
    expect([dispatch.waiting, outcome]).toEqual([0, ['served']]);
    expect(received.map(({ method }) => method)).toEqual(['CANCEL']);
    expect(dispatch.follow(request('INVITE'), udp)).toBe(false);
  });

  test('waits for a stream as well', () => {
    const { relay, link, dispatch, sent } = setUp();
    link(false);
    relay();
    dispatch.look();
    expect(sent).toEqual([]);
    link(true);
    dispatch.look();
    expect(sentTo(sent)).toEqual(['INVITE frontend-1 1']);
    expect(dispatch.follow(request('ACK'), udp)).toBe(true);
  });

  test('is refused in the end, to come again a little later', async () => {
    const { relay, moves, refused, dispatch } = setUp({ patience: 10 });
    moves(undefined);
    relay();
    await vi.waitFor(() => expect(refused).toMatchObject([{ status: 503, rule: 'no-owner' }]), {
      timeout: 10_000,
    });
    expect(Number(refused[0]?.headers[0]?.[1])).toBeOneOf([1, 2, 3]);
    expect([dispatch.waiting, dispatch.follow(request('INVITE'), udp)]).toEqual([0, false]);
  });

  test('takes its CANCEL along, whatever has come on its flow meanwhile', () => {
    const relayed = createRelayedTransactions();
    const { relay, moves, dispatch, sent } = setUp({ relayed });
    const flow = remote(1) as RemoteFlow;
    moves(undefined);
    relay(request('INVITE'), flow);
    expect(dispatch.follow(request('CANCEL'), flow)).toBe(true);
    flow.hops = 0;
    moves('frontend-1');
    expect(sentTo(sent)).toEqual(['INVITE frontend-1 2', 'CANCEL frontend-1 2']);
    expect(relayed.find(request('INVITE'), flow)).toMatchObject({ pod: 'frontend-1', cancel: undefined });
  });

  test('is found by a CANCEL that looks for it', () => {
    const { relay, moves, dispatch, received } = setUp();
    moves(undefined);
    relay(request('INVITE'), remote(0));
    expect(dispatch.follow(request('CANCEL'), remote(1))).toBe(true);
    moves('frontend-0');
    expect(received.map(({ method }) => method)).toEqual(['CANCEL']);
  });

  test('is refused in the end with its CANCEL', async () => {
    const { relay, moves, refused, replied, dispatch, received } = setUp({ patience: 10 });
    moves(undefined);
    relay();
    dispatch.follow(request('CANCEL'), udp);
    await vi.waitFor(() => expect(refused).toHaveLength(1), { timeout: 10_000 });
    expect([replied, received]).toEqual([[481], []]);
  });

  test('waits no longer than until whoever has passed it on does so again', async () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const { relay, moves, outcome } = setUp({ patience: 30_000 });
    moves(undefined);
    relay();
    await vi.advanceTimersByTimeAsync(5100);
    expect(outcome).toEqual(['refused']);
  });

  test('is refused at once when those that wait take too much', () => {
    const { relay, moves, outcome, dispatch } = setUp({ limitBytes: 300 });
    moves(undefined);
    relay(request('INVITE'));
    relay(request('MESSAGE'));
    expect([outcome, dispatch.waiting]).toEqual([['refused'], 1]);
  });

  test('is refused at once when too many wait', () => {
    const { relay, moves, outcome, dispatch } = setUp({ limit: 1 });
    moves(undefined);
    relay(request('INVITE'));
    relay(request('MESSAGE'));
    expect([outcome, dispatch.waiting]).toEqual([['refused'], 1]);
  });
});

test('users of other pools are answered here', () => {
  const { dispatch, moves } = setUp();
  expect([dispatch.isHere(BOB), dispatch.isHere('sip:dave@fabrikam.lab')]).toEqual([false, true]);
  moves('frontend-0');
  expect(dispatch.isHere(BOB)).toBe(true);
});

describe('a response without a request here', () => {
  const response = (host: string): SipResponse => {
    const asked = request('MESSAGE');
    asked.set('via', `SIP/2.0/UDP ${host}:5060;rport;branch=z9hG4bK2`);
    return SipResponse.to(asked, 200);
  };

  test.each([
    ['goes to the pod in its Via', 'frontend-1.contoso.lab', udp, ['frontend-1']],
    ['goes to no Edge', 'edge-0.contoso.lab', udp, []],
    ['goes to no room', 'persistent-chat-0.contoso.lab', udp, []],
    ['of this pod is late', 'frontend-0.contoso.lab', udp, []],
    ['of elsewhere is nobody’s', '192.0.2.9', udp, []],
    ['that another pod brought goes nowhere', 'frontend-1.contoso.lab', remote(0), []],
  ])('%s', (_, host, flow, to) => {
    const { dispatch, sent } = setUp();
    dispatch.response(response(host), flow);
    expect(sent.map(([pod]) => pod)).toEqual(to);
  });
});

describe('a request that came over a connection and got no answer', () => {
  const tls = { ...udp, id: 'frontend-0/a.1', transport: 'tls', reliable: true } as Flow;

  async function later(milliseconds: number): Promise<void> {
    await vi.advanceTimersByTimeAsync(milliseconds);
  }

  test('goes to whoever serves the user by then', async () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const { dispatch, relay, sent, moves } = setUp();
    relay(request('MESSAGE'), tls);
    dispatch.podGone();
    moves('frontend-2');
    await later(2000);
    expect(sentTo(sent)).toEqual(['MESSAGE frontend-1 1', 'MESSAGE frontend-2 1']);
  });

  test('is served here when that is this pod', async () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const { dispatch, relay, sent, moves, outcome } = setUp();
    relay(request('MESSAGE'), tls);
    dispatch.podGone();
    moves('frontend-0');
    await later(30_000);
    expect([sentTo(sent), outcome]).toEqual([['MESSAGE frontend-1 1'], ['served']]);
  });

  test('rests with its answer, and over UDP with the client', async () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const { dispatch, relay, sent } = setUp();
    const message = request('MESSAGE');
    relay(message, tls);
    dispatch.told(tls, SipResponse.to(message, 200).toBuffer());
    relay(request('PUBLISH'), udp);
    dispatch.podGone();
    await later(30_000);
    expect(sentTo(sent)).toEqual(['MESSAGE frontend-1 1', 'PUBLISH frontend-1 1']);
  });
});
