import { expect, test } from 'vitest';
import { sourceOf } from './dispatch.ts';

const source = (remoteAddress: string) => sourceOf({ socket: { remoteAddress } } as never);

test.each([
  ['192.0.2.1', '192.0.2.1'],
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
  ['2001:db8:1:2::', '2001:db8:1:2'],
  ['2001:db8::1', '2001:db8:0:0'],
  ['::1', '0:0:0:0'],
  ['fe80::1%eth0', 'fe80:0:0:0'],
])('%s is of the source %s', (address, expected) => expect(source(address)).toBe(expected));
