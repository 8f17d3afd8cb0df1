import type { SipRequest } from '@linchpin/sip';
import type { PoolLab } from './pool.ts';

/** The Front End that handled a request which came to a client: the sender of its top Via. */
export function servedBy(pool: PoolLab, { via }: SipRequest): string {
  const pod = /^([^.]+-\d+)\./.exec(via.host)?.[1];
  if (pod !== undefined) return pod;
  const local = pool
    .pods('frontend')
    .find(({ ports }) => Object.values(ports.listeners).includes(via.port ?? 0));
  return local?.name ?? `${via.host}:${via.port}`;
}
