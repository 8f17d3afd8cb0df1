import type { ChatEvent } from '@linchpin/proto/chat-events';
import { expect, test } from 'vitest';
import { told } from './told.ts';

const happened = { scope: 'room', seq: 1, at: '', by: 'admin:root' };
const changed = (change: Record<string, unknown>): ChatEvent => ({
  ...{ ...happened, kind: 'room-changed', name: 'Desk', change },
});

test('A file that is not posted yet is told to nobody', () => {
  const file = { id: 'a', name: 'secret.pdf', bytes: 1, type: 'application/pdf', sha256: '' };
  expect(told({ ...happened, kind: 'upload', file }, true)).toBeUndefined();
});

test('That something is held is told to nobody, not even that something is', () => {
  expect(told(changed({ legalHold: true }), true)).toBeUndefined();
  expect(told(changed({ legalHold: false, name: 'Desk' }), true)).toEqual(changed({ name: 'Desk' }));
  expect(told(changed({ name: 'Desk' }), true)).toEqual(changed({ name: 'Desk' }));
});

test('What is purged is told, and not why', () => {
  const purged: ChatEvent = { ...happened, kind: 'purged', posts: [1, 2], why: 'case 4711' };
  expect(told(purged, true)).toEqual({ ...purged, why: '' });
});
