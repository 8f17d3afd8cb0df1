import { randomBytes } from 'node:crypto';
import {
  type DigestAlgorithm,
  diagnostics,
  digestChallenges,
  newTag,
  type SipRequest,
  SipResponse,
} from '@linchpin/sip';

/** The answers that a Director gives by itself, all without state. */
export interface Answers {
  challenge(
    request: SipRequest,
    realm: string,
    algorithms: readonly DigestAlgorithm[],
    stale: boolean,
  ): SipResponse;
  /** The one refusal for whoever may not come in, whatever the reason; `id` finds the reason in the log. */
  forbidden(request: SipRequest, id: string): SipResponse;
  malformed(request: SipRequest, status: number, reason: string, id: string): SipResponse;
  busy(request: SipRequest, reason: string, retryAfter: number, id: string): SipResponse;
}

export const newRefusalId = (): string => randomBytes(6).toString('hex');

export function createAnswers(pod: string, issueNonce: () => string): Answers {
  const answer = (
    request: SipRequest,
    status: number,
    reason: string,
    headers: [string, string][],
  ): SipResponse => SipResponse.to(request, status, reason, { toTag: newTag(), headers });

  return {
    challenge(request, realm, algorithms, stale) {
      const [status, reason, header] =
        request.method === 'REGISTER'
          ? ([401, 'Unauthorized', 'WWW-Authenticate'] as const)
          : ([407, 'Proxy Authentication Required', 'Proxy-Authenticate'] as const);
      const values = digestChallenges({ realm, nonce: issueNonce(), algorithms: [...algorithms], stale });
      return answer(
        request,
        status,
        reason,
        values.map((value) => [header, value]),
      );
    },
    forbidden: (request, id) =>
      answer(request, 403, 'Forbidden', [diagnostics(1000, 'Sign-in refused', pod, id)]),
    malformed: (request, status, reason, id) =>
      answer(request, status, reason, [diagnostics(1001, reason, pod, id)]),
    busy: (request, reason, retryAfter, id) =>
      answer(request, 503, 'Service Unavailable', [
        ['Retry-After', String(retryAfter)],
        diagnostics(1002, reason, pod, id),
      ]),
  };
}
