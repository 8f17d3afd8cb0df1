import type { SipRequest } from '../message/request.ts';
import type { DigestAlgorithm } from './algorithms.ts';

// COMPAT: libre before 3.0 gives up when any of several challenges names an algorithm that it does not know, where
// RFC 8760 2.4 lets a client skip it.
const knowsOnlyMd5 = /^baresip v[0-2]\./;

/** What a challenge to the sender of this request offers of the algorithms that are configured. */
export function offeredAlgorithms(
  request: SipRequest,
  configured: readonly DigestAlgorithm[],
): readonly DigestAlgorithm[] {
  const limited = configured.includes('MD5') && knowsOnlyMd5.test(request.get('user-agent') ?? '');
  return limited ? ['MD5'] : configured;
}
