import { groupOf, type MemberRecord } from '@linchpin/topology';
import { describe, expect, test } from 'vitest';
import { createHome, type Way } from './home.ts';
import { createOwners } from './owners.ts';

const ALICE = 'sip:alice@contoso.lab';
const BOB = 'sip:bob@contoso.lab';
const DAVE = 'sip:dave@contoso.lab';
const pools: Record<string, string> = { [ALICE]: 'main', [BOB]: 'main', [DAVE]: 'other' };

const frontEnd = (pod: string, owned: [number, number][], pool = 'main') =>
  ({ pod, pool, role: 'frontend', groups: { owned } }) as unknown as MemberRecord;

function setUp(records: MemberRecord[], down: string[] = []) {
  const listeners = new Set<() => void>();
  let list = records;
  const owners = createOwners({
    list: (_, pool) => list.filter((record) => record.pool === pool),
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  });
  const names = ['frontend-0', 'frontend-1', 'frontend-2'];
  const way = (name: string) => ({ name, up: !down.includes(name), send: () => true });
  const ways = new Map<string, Way<never>>(names.map((name) => [name, way(name)]));
  const directory = {
    user: (aor: string) => (aor in pools ? { spec: { pool: pools[aor] } } : undefined),
    poolMembers: () => names.map((name) => ({ name, address: '' })),
  };
  const members = { get: (name: string) => list.find(({ pod }) => pod === name) };
  const wayTo = createHome({ directory: directory as never, members, owners, ways });
  return {
    to: (identity: string, concerned?: string) =>
      (wayTo(identity, concerned).way as { name?: string } | undefined)?.name,
    say(now: MemberRecord[]) {
      list = now;
      for (const listener of listeners) listener();
    },
  };
}

const owns = (aor: string, term: number): [number, number][] => [[groupOf(aor), term]];

describe('a request goes to', () => {
  test('who serves the user whom it concerns, by default its sender', () => {
    const { to } = setUp([frontEnd('frontend-0', owns(ALICE, 1)), frontEnd('frontend-1', owns(BOB, 1))]);
    expect([to(ALICE), to(ALICE, BOB), to(BOB)]).toEqual(['frontend-0', 'frontend-1', 'frontend-1']);
  });

  test('who serves the user from now on', () => {
    const { to, say } = setUp([frontEnd('frontend-0', owns(BOB, 1))]);
    expect(to(ALICE, BOB)).toBe('frontend-0');
    say([frontEnd('frontend-0', owns(BOB, 1)), frontEnd('frontend-2', owns(BOB, 2))]);
    expect(to(ALICE, BOB)).toBe('frontend-2');
  });

  test('always the same one where nobody says so, or who does cannot be reached', () => {
    const { to } = setUp([]);
    const any = to(ALICE, BOB);
    expect([to(ALICE), to(ALICE, 'sip:bob@192.0.2.1')]).toEqual([any, any]);
    const cutOff = setUp([frontEnd('frontend-1', owns(BOB, 1))], ['frontend-1']);
    expect(cutOff.to(ALICE, BOB)).toBeOneOf(['frontend-0', 'frontend-2']);
  });

  test("the sender's home pool, also for a user of another", () => {
    const { to } = setUp([
      frontEnd('frontend-0', owns(ALICE, 1)),
      frontEnd('frontend-1', owns(DAVE, 1), 'other'),
    ]);
    expect(to(ALICE, DAVE)).toBe(setUp([]).to(ALICE));
  });

  test('nobody when nobody is up', () => {
    expect(setUp([], ['frontend-0', 'frontend-1', 'frontend-2']).to(ALICE)).toBeUndefined();
  });
});
