import type { Logger } from '@linchpin/host';
import type { PoolClient } from 'pg';
import { expect, test } from 'vitest';
import type { LockedRoom } from '../journal/journal.ts';
import { LOCK_MS, RoomsLocked } from '../room-lock.ts';
import { createRetention } from './retention.ts';

test('A room that is locked keeps its posts until the next look, and no other room does', async () => {
  const rows = ['locked', 'free'].map((id) => ({ id, before: new Date(), days: 7 }));
  const client = {
    query: async (text: string) => ({ rows: text.includes('DELETE') ? [{ seq: 1 }] : rows }),
  } as unknown as PoolClient;
  const warned: object[] = [];
  const retention = createRetention({
    database: { use: (run) => run(client), transaction: (run) => run(client) },
    journal: {
      async lockRooms(_, [id = ''], waitMs) {
        expect(waitMs).toBe(LOCK_MS);
        if (id === 'locked') throw new RoomsLocked();
        return new Map([[id, { id, legalHold: false } as LockedRoom]]);
      },
      append: async (_, { id }, events) =>
        events.map((event) => ({ ...event, scope: id, seq: 2, at: '' }) as never),
      committed() {},
    },
    log: { info() {}, warn: (fields: object) => void warned.push(fields) } as unknown as Logger,
  });
  expect(await retention.look()).toBe(1);
  expect(warned).toMatchObject([{ room: 'locked' }]);
});
