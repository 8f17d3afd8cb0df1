import type { Flow } from '@linchpin/sip';
import type { EffectiveUser } from '@linchpin/topology';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { createEviction } from './eviction.ts';

const enabled = (aor: string) => ({ aor, spec: { enabled: true } }) as unknown as EffectiveUser;

/** alice is served here and is a user; bob is served here and is none any more; carol's connection ends here, no more. */
function eviction() {
  const closed: string[] = [];
  const removed: string[] = [];
  const looked: string[] = [];
  const flow = (id: string, identity = ''): Flow =>
    ({ id, identity, reliable: true, close: () => closed.push(id) }) as unknown as Flow;
  const aors = ['sip:alice@b', 'sip:bob@b'];
  const flows = [flow('proven', 'sip:bob@b'), flow('landed', 'sip:carol@b')];
  const evict = createEviction({
    bindings: {
      of: (aor) => [{ flowId: `flow of ${aor}` }] as never,
      store: async () => {},
      remove: (aor, unwanted) => void (unwanted({ flowId: 'any' } as never) && removed.push(aor)),
      users: () => new Map(aors.map((aor) => [aor, aor])),
      count: 0,
      usersOf: (group) => (group === 7 ? aors : []),
      take() {},
      release() {},
      stop() {},
    },
    find: (aor) => (aor.startsWith('sip:alice') ? enabled(aor) : undefined),
    flow(id) {
      looked.push(id);
      return flow(id);
    },
    connections: () => flows,
    isBarred: () => false,
    log: pino({ level: 'silent' }),
  });
  return { evict, closed, removed, looked };
}

test('with a group come its users, and of them only those lose service who may not have it', () => {
  const { evict, closed, removed, looked } = eviction();
  evict.take(3);
  expect(removed).toEqual([]);
  evict.take(7);
  expect(removed).toEqual(['sip:bob@b']);
  expect(closed).toEqual(['flow of sip:bob@b']);
  expect(looked).toEqual(['flow of sip:bob@b']);
});

test('a connection that ends here is closed, also of a user whom another Front End serves', () => {
  const { evict, closed } = eviction();
  const before = { kind: 'User', name: 'carol@b', version: 1, spec: {} } as never;
  evict.directoryChanged([{ kind: 'User', name: 'carol@b', before, after: undefined }]);
  expect(closed).toEqual(['landed']);
});
