import { describe, expect, it } from 'vitest';
import {
  anyPlace,
  documentedMix,
  type Mix,
  memberships,
  placesOf,
  roomCount,
  roomId,
  roomsOf,
} from './mix.ts';

const small: Mix = {
  users: 40,
  kinds: [
    { rooms: 8, size: 10 },
    { rooms: 2, size: 20 },
  ],
};

const all = (mix: Mix, of: number) =>
  Array.from({ length: of }, (_, at) => [...placesOf(mix, { at, of })]).flat();

describe('the mix', () => {
  it('is the documented one', () => {
    expect(roomCount(documentedMix)).toBe(33_077);
    expect(memberships(documentedMix)).toBe(1_280_050);
  });

  it('gives every seat once, however many pods share them', () => {
    for (const of of [1, 3, 4]) {
      const places = all(small, of).map(({ room, user }) => `${room} ${user}`);
      expect(places).toHaveLength(memberships(small));
      expect(new Set(places).size).toBe(places.length);
    }
  });

  it('gives everybody as many rooms', () => {
    const rooms = Map.groupBy(all(small, 1), ({ user }) => user);
    expect([...rooms.values()].map((places) => places.length)).toEqual(Array(40).fill(3));
  });

  it('posts only from seats that there are', () => {
    const places = new Set(all(small, 1).map(({ room, user }) => `${room} ${user}`));
    for (let n = 0; n < 1_000; n++) {
      const { room, user } = anyPlace(small, { at: n % 4, of: 4 }, Math.random);
      expect(user % 4).toBe(n % 4);
      expect(places).toContain(`${room} ${user}`);
    }
  });

  it('calls rooms as PostgreSQL does', () => {
    // SELECT md5('room 7')::uuid
    expect(roomId(7)).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    expect(new Set(roomsOf(small).map(({ room }) => roomId(room))).size).toBe(10);
  });
});
