import type { Address, Flow, Listener } from '@linchpin/sip';
import { afterEach, describe, expect, test } from 'vitest';
import { createFlows, type FlowFacts } from './flows.ts';
import { createRemoteFlows, type RemoteFlows } from './remote-flows.ts';

let remote: RemoteFlows;
afterEach(() => remote.stop());

const udpFlow = ({ address, port }: Address) =>
  ({ id: `frontend-0/udp/10.0.0.1:5060/${address}:${port}`, transport: 'udp', closed: false }) as Flow;

function connection(id: string): Flow & { end(): void } {
  const listeners: ((reason: string) => void)[] = [];
  let closed = false;
  return {
    id,
    get closed() {
      return closed;
    },
    onClose: (listener: (reason: string) => void) => listeners.push(listener),
    end() {
      closed = true;
      for (const listener of listeners) listener('gone');
    },
  } as never;
}

const facts = (flowId: string, transport: FlowFacts['transport']): FlowFacts => ({
  flowId,
  transport,
  received: '192.0.2.1:40000',
  contact: 'sip:bob@192.0.2.1:40000',
  path: [],
});

function setUp() {
  const pods = new Map([['frontend-1', true]]);
  const ended: string[] = [];
  remote = createRemoteFlows({ pod: 'frontend-0', domain: 'contoso.lab', send: () => true });
  const flows = createFlows({
    pod: 'frontend-0',
    remote,
    udp: () => [{ flowTo: udpFlow } as unknown as Listener],
    pods: { has: (pod) => pods.has(pod), isUp: (pod) => pods.get(pod) ?? false },
    connect: () => Promise.reject(new Error('nobody listens')),
    onClosed: ({ id }) => ended.push(id),
  });
  return { flows, pods, ended };
}

describe('a connection', () => {
  test('to this pod is known while it is open', () => {
    const { flows, ended } = setUp();
    const flow = connection('frontend-0/tcp/a/1');
    flows.add(flow);
    expect([flows.find(flow.id), flows.here(flow.id)]).toEqual([flow, flow]);
    flow.end();
    expect([flows.find(flow.id), ended]).toEqual([undefined, [flow.id]]);
    expect(flows.isOpen(facts(flow.id, 'tcp'))).toBe(false);
  });

  test('to another pod is known while that pod is there', () => {
    const { flows, pods } = setUp();
    const id = 'frontend-1/tls/a/1';
    expect(flows.revive(facts(id, 'tls'))).toMatchObject({ id, transport: 'tls', reliable: true });
    pods.delete('frontend-1');
    remote.podGone('frontend-1');
    expect(flows.isOpen(facts(id, 'tls'))).toBe(false);
    pods.set('frontend-1', true);
    expect(flows.isOpen(facts(id, 'tls'))).toBe(true);
  });

  test('to another pod is known by its id alone', () => {
    expect(setUp().flows.find('frontend-1/tcp/a/1')).toMatchObject({ transport: 'tcp' });
  });
});

describe('a client over UDP', () => {
  const there = 'frontend-1/udp/10.0.0.2:5060/192.0.2.1:40000';

  test('of this pod is always reached', () => {
    const id = 'frontend-0/udp/10.0.0.1:5060/192.0.2.1:40000';
    expect(setUp().flows.find(id)?.id).toBe(id);
  });

  test('of another pod is reached through that, with timers for UDP', () => {
    expect(setUp().flows.find(there)).toMatchObject({
      id: there,
      reliable: false,
      remote: { address: '192.0.2.1', port: 40_000 },
    });
  });

  test('of a pod that cannot be reached gets what it is sent from here', () => {
    const { flows, pods } = setUp();
    flows.revive(facts(there, 'udp'));
    pods.set('frontend-1', false);
    expect(flows.revive(facts(there, 'udp'))?.id).toBe('frontend-0/udp/10.0.0.1:5060/192.0.2.1:40000');
    expect(flows.isOpen(facts(there, 'udp'))).toBe(true);
  });
});
