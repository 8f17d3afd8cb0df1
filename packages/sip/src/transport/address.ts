import { isIPv6 } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { Address } from './flow.ts';

/** `host:port` with brackets around IPv6, as Via, URIs and flow ids have it. */
export function hostPort({ address, port }: Address): string {
  return isIPv6(address) ? `[${address}]:${port}` : `${address}:${port}`;
}

/** A socket on `::` sees IPv4 peers as `::ffff:192.0.2.1`; in SIP they are what they are. */
export function plainAddress(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
}

/**
 * Whom to count a connection or a message for: an IPv4 address, or the /64 network of an IPv6 address, as anyone who has one address
 * there has them all.
 */
export function sourceOf(address: string): string {
  if (!isIPv6(address)) return address;
  const [head = '', tail = ''] = address.split('::');
  const groups = head === '' ? [] : head.split(':');
  const after = tail === '' ? [] : tail.split(':');
  while (address.includes('::') && groups.length + after.length < 8) groups.push('0');
  return `${[...groups, ...after].slice(0, 4).join(':')}::/64`;
}

/** What a listener on a wildcard address writes into Via when it was not told. */
export function reachableAddress(address: string): string {
  if (address !== '0.0.0.0' && address !== '::') return address;
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return all.find(({ internal, family }) => !internal && family === 'IPv4')?.address ?? '127.0.0.1';
}
