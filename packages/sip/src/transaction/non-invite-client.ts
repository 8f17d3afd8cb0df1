import { type Fired, type Machine, type Step, start, stopRepeating, type Timing } from './machine.ts';

/** RFC 3261 17.1.2. */
export type NonInviteClientState = 'trying' | 'proceeding' | 'completed';

export type NonInviteClientInput =
  | { readonly on: '1xx' | '2xx' | '300-699' | 'cancel wanted' | 'transport error' }
  | Fired;

export type NonInviteClientVerb = 'send' | 'pass' | 'tell timeout' | 'tell transport';

type Next = Step<NonInviteClientState, NonInviteClientVerb>;

export function nonInviteClient(
  timing: Timing,
): Machine<NonInviteClientState, NonInviteClientInput, NonInviteClientVerb> {
  return {
    start: [
      'trying',
      ['send', start('F', 64 * timing.t1), ...(timing.reliable ? [] : [start('E', timing.t1)])],
    ],
    step: (state, input) => states[state](input, timing),
  };
}

const states: Record<NonInviteClientState, (input: NonInviteClientInput, timing: Timing) => Next> = {
  trying,
  proceeding,
  completed,
};

function trying(input: NonInviteClientInput, timing: Timing): Next {
  switch (input.on) {
    case '1xx':
      return ['proceeding', ['pass']];
    case 'E':
      return ['trying', ['send', start('E', Math.min(2 * input.after, timing.t2))]];
    default:
      return unanswered('trying', input, timing);
  }
}

function proceeding(input: NonInviteClientInput, timing: Timing): Next {
  switch (input.on) {
    case '1xx':
      return ['proceeding', ['pass']];
    case 'E':
      return ['proceeding', ['send', start('E', timing.t2)]];
    default:
      return unanswered('proceeding', input, timing);
  }
}

/** What is the same in both states before a final response. */
function unanswered(state: NonInviteClientState, input: NonInviteClientInput, timing: Timing): Next {
  switch (input.on) {
    case '2xx':
    case '300-699':
      return timing.reliable
        ? ['terminated', ['pass']]
        : ['completed', [stopRepeating, start('K', timing.t4), 'pass']];
    case 'F':
      return ['terminated', ['tell timeout']];
    case 'transport error':
      return ['terminated', ['tell transport']];
    default:
      return [state, []];
  }
}

function completed(input: NonInviteClientInput): Next {
  return input.on === 'K' ? ['terminated', []] : ['completed', []];
}
