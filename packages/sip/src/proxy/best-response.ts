import type { SipResponse } from '../message/response.ts';

/** Their headers tell how to send the request again so that it succeeds (RFC 3261 16.7 step 6). */
const helpful = new Set([401, 407, 415, 420, 484]);
/** These say least about the user who was called: one way there failed, or the proxy itself ended the branch. */
const leastTelling = new Set([408, 430, 487]);

/** RFC 3261 16.7 step 6: any 6xx, else the lowest class; the earliest of those that are equally good. */
export function bestResponse(answers: readonly SipResponse[]): SipResponse | undefined {
  let best: SipResponse | undefined;
  for (const answer of answers) if (!best || rank(answer.status) < rank(best.status)) best = answer;
  return best;
}

function rank(status: number): number {
  if (status >= 600) return 0;
  return Math.floor(status / 100) * 10 + rankInClass(status);
}

function rankInClass(status: number): number {
  if (helpful.has(status)) return 0;
  // A 503 is about one server, and is not passed on as long as there is anything else to say.
  return leastTelling.has(status) || status === 503 ? 2 : 1;
}

const challenges = ['www-authenticate', 'proxy-authenticate'];

/** RFC 3261 16.7 step 7: a 401 or 407 carries the challenges of all the others as well. Alters the response given. */
export function aggregateChallenges(chosen: SipResponse, answers: readonly SipResponse[]): void {
  if (!isChallenge(chosen)) return;
  const others = answers.filter((answer) => answer !== chosen && isChallenge(answer));
  for (const name of challenges) {
    for (const value of others.flatMap((answer) => answer.getAll(name))) chosen.append(name, value);
  }
}

function isChallenge(response: SipResponse): boolean {
  return response.status === 401 || response.status === 407;
}
