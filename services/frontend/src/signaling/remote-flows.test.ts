import { FlowEvent, type Frame } from '@linchpin/proto/relay/v1/relay';
import { afterEach, describe, expect, test } from 'vitest';
import { createRemoteFlows, type RemoteFlows } from './remote-flows.ts';

let flows: RemoteFlows;
afterEach(() => flows.stop());

const sent: Frame[] = [];
const setUp = () => {
  sent.length = 0;
  const send = (_: string, frame: Frame) => sent.push(frame) > 0;
  return createRemoteFlows({ pod: 'frontend-0', domain: 'contoso.lab', send });
};
const frame: Frame = {
  message: Buffer.alloc(0),
  flow: 'edge-0/a.1',
  event: FlowEvent.UNSPECIFIED,
  identity: 'sip:alice@contoso.lab',
  transport: 'wss',
  remoteAddress: '192.0.2.1',
  remotePort: 40_000,
  traceparent: '',
  sentBy: 'localhost:5444',
  hops: 0,
};

test('a response makes no flow known', () => {
  flows = setUp();
  expect(flows.ofResponse(frame)).toMatchObject({ id: frame.flow, transport: 'wss' });
  expect([...flows.all()]).toEqual([]);
  const known = flows.of(frame);
  expect(flows.ofResponse(frame)).toBe(known);
});

describe('a flow at another Front End', () => {
  const atPeer: Frame = {
    ...frame,
    flow: 'frontend-1/udp/10.0.0.1:5060/192.0.2.1:40000',
    transport: 'udp',
    sentBy: '10.0.0.1:5060',
  };

  test('has the transport that its client has, with the timers that this needs', () => {
    flows = setUp();
    expect(flows.of(atPeer)).toMatchObject({
      transport: 'udp',
      reliable: false,
      via: 'frontend-0.contoso.lab:5060',
    });
    expect(flows.of(frame).reliable).toBe(true);
  });

  test('ends with its pod, and is found again when that comes back', () => {
    flows = setUp();
    const [flow, other] = [flows.of(atPeer), flows.of(frame)];
    flows.podGone('frontend-1');
    expect([flow.closed, other.closed]).toEqual([true, false]);
    expect(flows.revive({ flowId: flow.id, transport: 'udp', received: '192.0.2.1:40000' })?.closed).toBe(
      false,
    );
  });

  test('that an earlier process left is asked for once', () => {
    flows = setUp();
    for (const _ of [1, 2]) flows.revive({ flowId: frame.flow, transport: 'wss', received: ':0' });
    expect(sent).toMatchObject([{ flow: frame.flow, event: FlowEvent.PROBE }]);
  });

  test('is asked about where its pod may be another process, and lives until that says no', () => {
    flows = setUp();
    const [old, other] = [flows.of(frame), flows.of(atPeer)];
    const young = flows.of({ ...frame, flow: 'edge-0/b.1' });
    flows.podAgain('edge-0');
    expect(sent.map(({ flow, event }) => [flow, event])).toEqual([
      [old.id, FlowEvent.PROBE],
      [young.id, FlowEvent.PROBE],
    ]);
    flows.ended(old.id);
    expect([old.closed, young.closed, other.closed]).toEqual([true, false, false]);
  });

  test('that is closed is not found again', () => {
    flows = setUp();
    flows.ended(flows.of(frame).id);
    expect(flows.revive({ flowId: frame.flow, transport: 'wss', received: ':0' })).toBeUndefined();
  });
});

describe('a flow at an Edge', () => {
  test('is known as its first frame tells', () => {
    flows = setUp();
    expect(flows.of(frame)).toMatchObject({ transport: 'wss', via: 'frontend-0.contoso.lab:5444' });
    expect(flows.servers).toContain('localhost:5444');
  });

  test('that was known by its id alone after a restart becomes known with its next frame', () => {
    flows = setUp();
    const revived = flows.revive({ flowId: 'edge-0/a.1', transport: 'tls', received: ':0' });
    expect(revived).toMatchObject({ transport: 'tls', via: 'frontend-0.contoso.lab' });
    expect(flows.of(frame)).toBe(revived);
    expect(revived).toMatchObject({
      transport: 'wss',
      sentBy: 'localhost:5444',
      via: 'frontend-0.contoso.lab:5444',
      remote: { address: frame.remoteAddress, port: frame.remotePort },
    });
    // Else a Route that names the Edge, as clients put there (RFC 3608), would be taken for another server's.
    expect(flows.servers).toContain('localhost:5444');
  });
});
