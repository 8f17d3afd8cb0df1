import { type Fired, type Machine, type Step, start, stopRepeating, type Timing } from './machine.ts';

/** RFC 3261 17.2.1 as changed by RFC 6026 8.5 to 8.7. */
export type InviteServerState = 'proceeding' | 'completed' | 'accepted' | 'confirmed';

export type ServerInput =
  | { readonly on: 'request' | '1xx' | '2xx' | '300-699' | 'ack' | 'too late' | 'transport error' }
  | Fired;

/** `send` is for the response at hand, `resend` for the last one again, if there was one. */
export type ServerVerb = 'send' | 'resend' | 'send 100' | 'pass ack' | 'tell timeout' | 'tell transport';

type Next = Step<InviteServerState, ServerVerb>;

export function inviteServer(timing: Timing): Machine<InviteServerState, ServerInput, ServerVerb> {
  return {
    // 17.2.1: 100 unless the transaction user answers within 200 ms.
    start: ['proceeding', [start('trying', timing.trying)]],
    step: (state, input) => states[state](input, timing),
  };
}

const states: Record<InviteServerState, (input: ServerInput, timing: Timing) => Next> = {
  proceeding,
  completed,
  accepted,
  confirmed,
};

function proceeding(input: ServerInput, timing: Timing): Next {
  switch (input.on) {
    case 'request':
      return ['proceeding', ['resend']];
    case '1xx':
      return ['proceeding', [stopRepeating, 'send']];
    case 'trying':
      return ['proceeding', ['send 100']];
    case '2xx':
      return ['accepted', [stopRepeating, start('L', 64 * timing.t1), 'send']];
    case '300-699': {
      const repeat = timing.reliable ? stopRepeating : start('G', timing.t1);
      return ['completed', [repeat, start('H', 64 * timing.t1), 'send']];
    }
    case 'transport error':
      return ['proceeding', ['tell transport']];
    default:
      return ['proceeding', []];
  }
}

function completed(input: ServerInput, timing: Timing): Next {
  switch (input.on) {
    case 'request':
      return ['completed', ['resend']];
    case 'G':
      return ['completed', ['resend', start('G', Math.min(2 * input.after, timing.t2))]];
    case 'ack':
      return timing.reliable ? ['terminated', []] : ['confirmed', [stopRepeating, start('I', timing.t4)]];
    case 'H':
      return ['terminated', ['tell timeout']];
    case 'transport error':
      return ['completed', ['tell transport']];
    default:
      return ['completed', []];
  }
}

function accepted(input: ServerInput): Next {
  switch (input.on) {
    case '2xx':
      return ['accepted', ['send']];
    case 'ack':
      return ['accepted', ['pass ack']];
    case 'L':
      return ['terminated', []];
    case 'transport error':
      return ['accepted', ['tell transport']];
    default:
      return ['accepted', []];
  }
}

function confirmed(input: ServerInput): Next {
  return input.on === 'I' ? ['terminated', []] : ['confirmed', []];
}
