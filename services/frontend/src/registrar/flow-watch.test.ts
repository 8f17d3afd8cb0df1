import type { Flow } from '@linchpin/sip';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createFlowWatch } from './flow-watch.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function fakeFlow(id: string, transport: Flow['transport'] = 'tcp') {
  const listeners: (() => void)[] = [];
  const flow = { id, transport, onClose: (listener: () => void) => listeners.push(listener) };
  const end = () => {
    for (const listener of listeners) listener();
  };
  return { flow: flow as unknown as Flow, listeners, end };
}

test('tells after the grace who was on a connection that has ended', () => {
  const gone: string[] = [];
  const watch = createFlowWatch(20_000, (flowId, aor) => gone.push(`${flowId} ${aor}`));
  const { flow, listeners, end } = fakeFlow('tcp/1');
  for (const aor of ['sip:a@b', 'sip:c@d', 'sip:a@b']) watch.watch(flow, aor);
  expect(listeners).toHaveLength(1);
  end();
  vi.advanceTimersByTime(19_999);
  expect(gone).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(gone).toEqual(['tcp/1 sip:a@b', 'tcp/1 sip:c@d']);
});

test('leaves UDP alone, and all when it is stopped', () => {
  const gone: string[] = [];
  const watch = createFlowWatch(10, (flowId) => gone.push(flowId));
  const [udp, tcp] = [fakeFlow('udp/1', 'udp'), fakeFlow('tcp/2')];
  watch.watch(udp.flow, 'sip:a@b');
  watch.watch(tcp.flow, 'sip:a@b');
  expect(udp.listeners).toHaveLength(0);
  watch.gone('tcp/0', 'sip:a@b');
  watch.stop();
  tcp.end();
  vi.advanceTimersByTime(100);
  expect(gone).toEqual([]);
});
