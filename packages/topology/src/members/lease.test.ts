import { expect, test } from 'vitest';
import { createLease } from './lease.ts';

const LEASE_MS = 20;

test('a lease that lapsed while the process slept is told before it is held again', () => {
  const lease = createLease(LEASE_MS);
  const told: boolean[] = [];
  lease.onChange((held) => told.push(held));
  lease.renew(performance.now());
  // No timer rings meanwhile.
  while (lease.until > performance.now());
  lease.renew(performance.now());
  lease.giveUp();
  expect(told).toEqual([true, false, true, false]);
});

test('a lease that is renewed in time never lapses', () => {
  const lease = createLease(60_000);
  const told: boolean[] = [];
  lease.onChange((held) => told.push(held));
  lease.renew(performance.now());
  lease.renew(performance.now());
  lease.giveUp();
  expect(told).toEqual([true, false]);
});
