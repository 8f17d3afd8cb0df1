import { boundedKey } from '@linchpin/host';
import { SipRequest } from '@linchpin/sip';
import { expect, onTestFinished, test, vi } from 'vitest';
import { createBegun } from './begun.ts';
import { createCancels } from './cancels.ts';
import { createRelayedTransactions } from './relayed.ts';
import { RemoteFlow } from './remote-flow.ts';

const long = 'x'.repeat(8000);

const request = (method: string, branch: string): SipRequest =>
  SipRequest.create(method, 'sip:bob@contoso.lab', [
    ['Via', `SIP/2.0/TLS client.invalid;branch=${branch}`],
    ['From', '<sip:alice@contoso.lab>;tag=a'],
    ['To', '<sip:bob@contoso.lab>'],
    ['Call-ID', long],
    ['CSeq', `1 ${method}`],
  ]);

function remoteFlow(): RemoteFlow {
  const facts = { transport: 'tls', remote: { address: '192.0.2.1', port: 1 }, sentBy: 'edge:5061' } as const;
  const id = 'edge-0/1';
  const flow = new RemoteFlow({
    id,
    host: 'frontend-0.contoso.lab',
    facts,
    deliver: () => true,
    hangUp() {},
  });
  flow.identity = 'sip:alice@contoso.lab';
  return flow;
}

test('a key of usual length stays as it is, a longer one is short and still its own', () => {
  expect(boundedKey('edge-0/1 z9hG4bK1')).toBe('edge-0/1 z9hG4bK1');
  expect(boundedKey(`${long}1`)).toBe(boundedKey(`${long}1`));
  expect(boundedKey(`${long}1`)).not.toBe(boundedKey(`${long}2`));
  expect(boundedKey(long).length).toBeLessThan(200);
});

test('whatever a client calls its transactions, little of that is kept', () => {
  const set = vi.spyOn(Map.prototype, 'set');
  onTestFinished(() => set.mockRestore());
  const flow = remoteFlow();
  const parts = { others: () => ['frontend-1'], ask: () => true, tell: () => true };
  const cancels = createCancels({ ...parts, find: () => flow, ledTo: () => undefined });
  const [begun, relayed] = [createBegun(), createRelayedTransactions()];
  for (const branch of [`z9hG4bK${long}`, long]) {
    begun.begin(request('INVITE', branch), flow)?.(Buffer.from('SIP/2.0 200 OK'));
    relayed.add(request('INVITE', branch), flow, { pod: 'frontend-1', identity: '', hops: 1 });
    cancels.take(request('CANCEL', branch), flow);
  }
  const keys = set.mock.calls.map(([key]) => key).filter((key) => typeof key === 'string');
  expect(keys.length).toBeGreaterThanOrEqual(6);
  expect(Math.max(...keys.map(({ length }) => length))).toBeLessThanOrEqual(200);
});
