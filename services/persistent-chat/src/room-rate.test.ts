import { expect, test } from 'vitest';
import { createRoomRate } from './room-rate.ts';

const alice = { name: 'alice@contoso.lab' };

test('each room costs a token, of who asks for it', () => {
  const take = createRoomRate({ perSecond: 0.001, burst: 10 });
  take(alice, 6);
  take(alice);
  expect(() => take(alice, 4)).toThrow(expect.objectContaining({ code: 'limit', retryAfter: 5 }));
  // Who was refused has what was left.
  take(alice, 3);
  take({ name: 'bob@contoso.lab' }, 10);
  for (let turn = 0; turn < 100; turn++) take({ name: 'root', admin: true }, 10);
});
