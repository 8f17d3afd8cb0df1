import { answerChallenge, type SipRequest, type SipResponse } from '@linchpin/sip';

/** A user's password, and the last challenge that it answered (RFC 7616). */
export interface Credentials {
  /** Answers ahead of the challenge, as is allowed for a nonce that is known (RFC 3261 22.3). */
  sign(request: SipRequest): void;
  /** Takes what a 401 or 407 asks for; false when it cannot be answered. */
  challenged(response: SipResponse): boolean;
}

export function createCredentials(username: string, password: string): Credentials {
  let challenge: string | undefined;
  let uses = 0;
  return {
    sign(request) {
      if (challenge === undefined) return;
      const { method, uri } = request;
      const name = method === 'REGISTER' ? 'Authorization' : 'Proxy-Authorization';
      request.set(name, answerChallenge(challenge, { username, password, method, uri, ncCount: ++uses }));
    },
    challenged(response) {
      const name = response.status === 401 ? 'www-authenticate' : 'proxy-authenticate';
      challenge = response.getAll(name)[0];
      uses = 0;
      return challenge !== undefined;
    },
  };
}
