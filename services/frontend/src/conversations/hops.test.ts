import { type Flow, NameAddr } from '@linchpin/sip';
import { expect, test } from 'vitest';
import { createHops, deviceMark } from './hops.ts';

const flow = { id: 'tcp/x/1', transport: 'wss', sentBy: 'edge.contoso.lab:443' } as Flow;
const hop = { flowId: 'edge-0/a.1', aor: 'sip:alice@contoso.lab', device: deviceMark('urn:uuid:1') };
const hops = createHops(Buffer.alloc(32, 1));
const written = NameAddr.parse(hops.write(hop, flow, 'call-1'));

test('a route leads back to the address that the client knows, with its transport', () => {
  const { host, port, params } = written.parsedUri;
  expect([host, port, params.get('transport'), params.has('lr')]).toEqual([
    'edge.contoso.lab',
    443,
    'ws',
    true,
  ]);
});

test('its token is read in its own dialog only', () => {
  const token = hops.tokenIn(written.parsedUri) ?? '';
  expect(hops.read(token, 'call-1')).toEqual(hop);
  expect(hops.read(token, 'call-2')).toBeUndefined();
});

test('a token that was not made with this key is not ours', () => {
  const others = createHops(Buffer.alloc(32, 2));
  expect(others.tokenIn(written.parsedUri)).toBeUndefined();
  const changed = written.parsedUri;
  changed.user = `A${changed.user?.slice(1)}`;
  expect(hops.tokenIn(changed)).toBeUndefined();
});
