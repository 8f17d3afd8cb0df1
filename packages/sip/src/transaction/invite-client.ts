import {
  type Fired,
  type Machine,
  type Step,
  start,
  stopLife,
  stopRepeating,
  type Timing,
} from './machine.ts';

/**
 * RFC 3261 17.1.1 as changed by RFC 6026 8.4. `cancelling` is `calling` with a CANCEL that waits for the first 1xx,
 * `cancelled` is `proceeding` with the CANCEL sent (9.1).
 */
export type InviteClientState =
  | 'calling'
  | 'cancelling'
  | 'proceeding'
  | 'cancelled'
  | 'completed'
  | 'accepted';

export type InviteClientInput =
  | { readonly on: '1xx' | '2xx' | '300-699' | 'cancel wanted' | 'transport error' }
  | Fired;

export type InviteClientVerb =
  | 'send'
  | 'send ack'
  | 'send cancel'
  | 'pass'
  | 'tell timeout'
  | 'tell transport';

type Next = Step<InviteClientState, InviteClientVerb>;

export function inviteClient(
  timing: Timing,
): Machine<InviteClientState, InviteClientInput, InviteClientVerb> {
  return {
    start: [
      'calling',
      ['send', start('B', 64 * timing.t1), ...(timing.reliable ? [] : [start('A', timing.t1)])],
    ],
    step: (state, input) => states[state](input, timing),
  };
}

const states: Record<InviteClientState, (input: InviteClientInput, timing: Timing) => Next> = {
  calling,
  cancelling,
  proceeding,
  cancelled,
  completed,
  accepted,
};

function calling(input: InviteClientInput, timing: Timing): Next {
  switch (input.on) {
    case '1xx':
      return ['proceeding', [stopRepeating, stopLife, 'pass']];
    case 'cancel wanted':
      return ['cancelling', []];
    case 'A':
      return ['calling', ['send', start('A', 2 * input.after)]];
    case 'B':
      return ['terminated', ['tell timeout']];
    default:
      return unanswered('calling', input, timing);
  }
}

function cancelling(input: InviteClientInput, timing: Timing): Next {
  switch (input.on) {
    case '1xx':
      return ['cancelled', [stopRepeating, 'send cancel', start('cancel', 64 * timing.t1), 'pass']];
    case 'A':
      return ['cancelling', ['send', start('A', 2 * input.after)]];
    case 'B':
      return ['terminated', ['tell timeout']];
    default:
      return unanswered('cancelling', input, timing);
  }
}

function proceeding(input: InviteClientInput, timing: Timing): Next {
  switch (input.on) {
    case '1xx':
      return ['proceeding', ['pass']];
    case 'cancel wanted':
      return ['cancelled', ['send cancel', start('cancel', 64 * timing.t1)]];
    default:
      return unanswered('proceeding', input, timing);
  }
}

// RFC 3261 9.1: without a final response 64*T1 after the CANCEL, the INVITE is taken as cancelled.
function cancelled(input: InviteClientInput, timing: Timing): Next {
  switch (input.on) {
    case '1xx':
      return ['cancelled', ['pass']];
    case 'cancel':
      return ['terminated', ['tell timeout']];
    default:
      return unanswered('cancelled', input, timing);
  }
}

/** What is the same in all states before a final response. */
function unanswered(state: InviteClientState, input: InviteClientInput, timing: Timing): Next {
  switch (input.on) {
    case '2xx':
      return ['accepted', [stopRepeating, start('M', 64 * timing.t1), 'pass']];
    case '300-699':
      return timing.reliable
        ? ['terminated', ['send ack', 'pass']]
        : ['completed', ['send ack', stopRepeating, start('D', timing.d), 'pass']];
    case 'transport error':
      return ['terminated', ['tell transport']];
    default:
      return [state, []];
  }
}

// The user has its final response, so an ACK that cannot be sent is not told: onError stands instead of one.
function completed(input: InviteClientInput): Next {
  switch (input.on) {
    case '300-699':
      return ['completed', ['send ack']];
    case 'D':
    case 'transport error':
      return ['terminated', []];
    default:
      return ['completed', []];
  }
}

function accepted(input: InviteClientInput): Next {
  switch (input.on) {
    case '2xx':
      return ['accepted', ['pass']];
    case 'M':
      return ['terminated', []];
    default:
      return ['accepted', []];
  }
}
