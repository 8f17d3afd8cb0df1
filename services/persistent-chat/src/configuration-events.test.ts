import { expect, test } from 'vitest';
import { accessEvents, byOf, inviteEvents, nameTaken, PRINCIPALS_PER_EVENT } from './configuration-events.ts';

const alice = { name: 'alice@contoso.lab' };
const many = Array.from({ length: 2 * PRINCIPALS_PER_EVENT + 1 }, (_, at) => `user${at}@contoso.lab`);

test('changes of long lists are told in parts that fit into messages, nobody twice or not at all', () => {
  const events = accessEvents(
    alice,
    'Talk',
    many.map((each) => [each, ['member']] as const),
  );
  expect(events).toHaveLength(3);
  const told = events.flatMap((event) => ('change' in event ? Object.keys(event.change) : []));
  expect(told).toEqual(many);
  const invited = inviteEvents(alice, many).flatMap((event) => ('who' in event ? event.who : []));
  expect(invited).toEqual(many);
  expect(accessEvents(alice, 'Talk', [])).toEqual([]);
});

test('administrators are told apart from users', () => {
  expect([byOf(alice), byOf({ name: 'anna', admin: true })]).toEqual(['alice@contoso.lab', 'admin:anna']);
});

test('only a name that is taken is a conflict', () => {
  const other = Object.assign(new Error('disk full'), { code: '53100' });
  expect(() => nameTaken('room', 'Talk')(other)).toThrow(other);
  expect(() => nameTaken('room', 'Talk')({ code: '23505' })).toThrow('there is a room "Talk" already');
});
