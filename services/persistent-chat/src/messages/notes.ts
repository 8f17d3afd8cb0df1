// Events that are only told to compliance: who has read what, who has searched, what became of files.

import type { Logger } from '@linchpin/host';
import type { ChatEvent } from '@linchpin/proto/chat-events';
import { ChatError } from '../chat.ts';
import type { Database } from '../database/database.ts';
import type { Journal, LockedRoom, NewEvent } from '../journal/journal.ts';
import { createLanes } from '../lanes.ts';
import { createSettler, type Pending } from '../settle.ts';

interface PendingNote extends Pending<void> {
  event: NewEvent;
}

export interface Notes {
  /** Resolves when it is durable. Rejects with `not-found` where the room is gone. */
  note(room: string, event: NewEvent): Promise<void>;
  idle(): Promise<void>;
}

export interface NoteParts {
  database: Pick<Database, 'transaction'>;
  journal: Pick<Journal, 'lockRooms' | 'appendAll' | 'committed'>;
  log: Logger;
}

export function createNotes({ database, journal, log }: NoteParts): Notes {
  async function store(items: readonly PendingNote[], lockMs: number): Promise<void> {
    const byRoom = Map.groupBy(items, ({ room }) => room);
    const stored = await database.transaction(async (client) => {
      const rooms = await journal.lockRooms(client, [...byRoom.keys()], lockMs);
      const entries = [...rooms.values()].map(
        (room: LockedRoom) => [room, (byRoom.get(room.id) ?? []).map(({ event }) => event)] as const,
      );
      const events: ChatEvent[] = await journal.appendAll(client, entries);
      return { rooms, events };
    });
    journal.committed(stored.events);
    for (const { room, resolve, reject } of items)
      if (stored.rooms.has(room)) resolve();
      else reject(new ChatError('not-found', 'the room is gone'));
  }

  const lanes = createLanes<PendingNote>({
    lanes: 2,
    atOnce: 500,
    run: createSettler({ store, log }),
  });

  return {
    note: (room, event) => new Promise((resolve, reject) => lanes.push({ room, event, resolve, reject })),
    idle: lanes.idle,
  };
}
