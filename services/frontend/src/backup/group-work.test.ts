import { beforeEach, expect, test } from 'vitest';
import { createGroupWork, type GroupWork } from './group-work.ts';
import type { Change, Row } from './rows.ts';

const GROUP = 7;
let memory: Map<string, Row>;
let writes: Change[];
/** PostgreSQL answers when these resolve. */
let read: Promise<void> | undefined;
let written: Promise<void> | undefined;
let work: GroupWork;

beforeEach(() => {
  memory = new Map();
  for (let at = 0; at < 600; at++) memory.set(`k.${at}`, { key: `k.${at}`, revision: at + 1, text: '1' });
  writes = [];
  read = written = undefined;
  work = createGroupWork({
    group: GROUP,
    owner: { incarnation: 'first', term: 1 },
    rows: {
      claim: async () => true,
      async revisions() {
        const keys = [...memory.keys()];
        await read;
        return new Map(keys.map((key) => [key, 0]));
      },
      async write(_, change) {
        writes.push(change);
        await written;
        return true;
      },
      read: async () => [],
    },
    source: { entry: (key) => memory.get(key), entriesOfGroup: () => memory.values() },
    onWritten() {},
    now: () => 0,
    onShutOut() {},
  });
});

/** While PostgreSQL is asked the group goes to another pod. */
async function loseDuring(flush: Promise<void>, answered: () => void): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  work.close();
  memory.clear();
  answered();
  await flush;
}

test('a group that is given away while its rows are read is not deleted', async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  read = promise;
  await loseDuring(work.flush(), resolve);
  expect(writes).toEqual([]);
});

test('nor while it is written', async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  written = promise;
  await loseDuring(work.flush(), resolve);
  expect(writes.map(({ kept, gone }) => [kept.length, gone])).toEqual([[500, []]]);
});
