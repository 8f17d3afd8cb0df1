import { expect, test } from 'vitest';
import { hostPort, plainAddress, sourceOf } from './address.ts';
import { createAdmission } from './admission.ts';
import { defaultTransportLimits } from './limits.ts';

const limits = { ...defaultTransportLimits, connections: 3, connectionsPerSource: 2 };
const at = (address: string) => ({ address, port: 5060 });

test('counts connections in total and for each source', () => {
  const admission = createAdmission(limits);
  expect(admission.enter(at('192.0.2.1'))).toBe(true);
  expect(admission.enter(at('192.0.2.1'))).toBe(true);
  expect(admission.enter(at('192.0.2.1'))).toBe('too many connections from this source');
  expect(admission.enter(at('192.0.2.2'))).toBe(true);
  expect(admission.enter(at('192.0.2.3'))).toBe('too many connections');
  admission.leave(at('192.0.2.1'));
  expect(admission.enter(at('192.0.2.1'))).toBe(true);
});

test('what the owner refuses is not counted', () => {
  const admission = createAdmission({ ...limits, connections: 1 }, ({ address }) =>
    address === '192.0.2.66' ? 'blocked' : true,
  );
  expect(admission.enter(at('192.0.2.66'))).toBe('blocked');
  expect(admission.enter(at('192.0.2.1'))).toBe(true);
});

test.each([
  ['192.0.2.1', '192.0.2.1'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:db8::6', '2001:db8:0:0::/64'],
  ['2001:db8:1:2::', '2001:db8:1:2::/64'],
  ['::1', '0:0:0:0::/64'],
])('%s counts as %s', (address, source) => expect(sourceOf(address)).toBe(source));

test('addresses are written as SIP has them', () => {
  expect(hostPort({ address: '2001:db8::1', port: 5061 })).toBe('[2001:db8::1]:5061');
  expect(hostPort({ address: '192.0.2.1', port: 5061 })).toBe('192.0.2.1:5061');
  expect(plainAddress('::ffff:192.0.2.1')).toBe('192.0.2.1');
  expect(plainAddress('2001:db8::1')).toBe('2001:db8::1');
});
