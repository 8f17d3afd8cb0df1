import type { ServerInput, ServerVerb } from './invite-server.ts';
import { type Machine, type Step, start, stopRepeating, type Timing } from './machine.ts';

/** RFC 3261 17.2.2 with the timing of 100 from RFC 4320 4.1. */
export type NonInviteServerState = 'trying' | 'proceeding' | 'completed';

type Next = Step<NonInviteServerState, ServerVerb>;

export function nonInviteServer(timing: Timing): Machine<NonInviteServerState, ServerInput, ServerVerb> {
  return {
    start: ['trying', [start('trying', untilT2(timing))]],
    step: (state, input) => states[state](input, timing),
  };
}

/** When the client sets its timer E to T2: RFC 4320 wants 100 then, and on unreliable transports not before. */
export function untilT2(timing: Timing): number {
  let elapsed = timing.t1;
  for (let interval = 2 * timing.t1; interval < timing.t2; interval *= 2) elapsed += interval;
  return elapsed;
}

const states: Record<NonInviteServerState, (input: ServerInput, timing: Timing) => Next> = {
  trying,
  proceeding,
  completed,
};

function trying(input: ServerInput, timing: Timing): Next {
  switch (input.on) {
    case '1xx':
      return timing.reliable ? ['proceeding', [...expireLate(timing), 'send']] : ['trying', []];
    case 'trying':
      return ['proceeding', [...expireLate(timing), 'send 100']];
    default:
      return unanswered('trying', input, timing);
  }
}

function proceeding(input: ServerInput, timing: Timing): Next {
  switch (input.on) {
    case 'request':
      return ['proceeding', ['resend']];
    case '1xx':
      return ['proceeding', ['send']];
    case 'expiry':
      return ['terminated', []];
    default:
      return unanswered('proceeding', input, timing);
  }
}

// RFC 4320 4.2: once the client's timer F has fired, no response may be sent any more. RFC 3261 has no timer for this, and
// a user that never answers would hold the transaction for ever.
function expireLate(timing: Timing): [typeof stopRepeating, ReturnType<typeof start>] {
  return [stopRepeating, start('expiry', 64 * timing.t1)];
}

function unanswered(state: NonInviteServerState, input: ServerInput, timing: Timing): Next {
  switch (input.on) {
    case '2xx':
    case '300-699':
      return timing.reliable
        ? ['terminated', ['send']]
        : ['completed', [stopRepeating, start('J', 64 * timing.t1), 'send']];
    // RFC 4320 4.2: a 408 is not sent.
    case 'too late':
      return ['terminated', []];
    case 'transport error':
      return ['terminated', ['tell transport']];
    default:
      return [state, []];
  }
}

function completed(input: ServerInput): Next {
  switch (input.on) {
    case 'request':
      return ['completed', ['resend']];
    case 'J':
      return ['terminated', []];
    case 'transport error':
      return ['terminated', ['tell transport']];
    default:
      return ['completed', []];
  }
}
