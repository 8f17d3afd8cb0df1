import { FlowEvent, type Frame } from '@linchpin/proto/relay/v1/relay';
import { afterEach, describe, expect, test } from 'vitest';
import { createRemoteFlows, type RemoteFlows } from './remote-flows.ts';

let flows: RemoteFlows;
afterEach(() => flows.stop());

const setUp = () => createRemoteFlows({ pod: 'frontend-0', domain: 'contoso.lab', send: () => true });
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

describe('a flow at an Edge', () => {
  test('is known as its first frame tells', () => {
    flows = setUp();
    expect(flows.of(frame)).toMatchObject({ transport: 'wss', sentBy: 'frontend-0.contoso.lab:5444' });
    expect(flows.servers).toContain('localhost:5444');
  });

  test('that was known by its id alone after a restart becomes known with its next frame', () => {
    flows = setUp();
    const revived = flows.revive({ flowId: 'edge-0/a.1', transport: 'tls', received: ':0' });
    expect(revived).toMatchObject({ transport: 'tls', sentBy: 'frontend-0.contoso.lab' });
    expect(flows.of(frame)).toBe(revived);
    expect(revived).toMatchObject({
      transport: 'wss',
      advertised: 'localhost:5444',
      sentBy: 'frontend-0.contoso.lab:5444',
      remote: { address: frame.remoteAddress, port: frame.remotePort },
    });
    // Else a Route that names the Edge, as clients put there (RFC 3608), would be taken for another server's.
    expect(flows.servers).toContain('localhost:5444');
  });
});
