import { describe, expect, test } from 'vitest';
import { inviteClient } from './invite-client.ts';
import { inviteServer } from './invite-server.ts';
import type { Machine, Timing } from './machine.ts';
import { nonInviteClient } from './non-invite-client.ts';
import { nonInviteServer } from './non-invite-server.ts';
import { defaultTimerValues } from './timer-values.ts';

const udp: Timing = { ...defaultTimerValues, reliable: false };
const tcp: Timing = { ...defaultTimerValues, reliable: true };

/** `state + input -> next: actions`, actions separated by commas, a timer written as `A=500`, an ended slot as `-repeat`. */
type Row = string;

function check(machine: Machine<string, never, string>, start: Row, rows: Row[]): void {
  test(`starts as ${start}`, () => expect(written(machine.start)).toBe(start));
  test.each(rows)('%s', (row) => {
    const [state = '', input = ''] = row.split(' -> ')[0]?.split(' + ') ?? [];
    expect(`${state} + ${input} -> ${written(machine.step(state, readInput(input) as never))}`).toBe(row);
  });
}

function readInput(text: string): object {
  const [on, after] = text.split('@');
  return after === undefined ? { on } : { on, after: Number(after) };
}

function written([state, actions]: Machine<string, never, string>['start']): string {
  const words = actions.map((action) => {
    if (typeof action === 'string') return action;
    return 'start' in action ? `${action.start}=${action.after}` : `-${action.stop}`;
  });
  return words.length === 0 ? state : `${state}: ${words.join(', ')}`;
}

// The machines take their own states only; the rows name them as text.
type AnyMachine = Machine<string, never, string>;

describe('INVITE client on UDP', () => {
  check(inviteClient(udp) as AnyMachine, 'calling: send, B=32000, A=500', [
    'calling + A@500 -> calling: send, A=1000',
    'calling + A@1000 -> calling: send, A=2000',
    'calling + A@16000 -> calling: send, A=32000',
    'calling + B@32000 -> terminated: tell timeout',
    'calling + 1xx -> proceeding: -repeat, -life, pass',
    'calling + 2xx -> accepted: -repeat, M=32000, pass',
    'calling + 300-699 -> completed: send ack, -repeat, D=32000, pass',
    'calling + transport error -> terminated: tell transport',
    'calling + cancel wanted -> cancelling',
    'cancelling + cancel wanted -> cancelling',
    'cancelling + A@500 -> cancelling: send, A=1000',
    'cancelling + B@32000 -> terminated: tell timeout',
    'cancelling + 1xx -> cancelled: -repeat, send cancel, cancel=32000, pass',
    'cancelling + 2xx -> accepted: -repeat, M=32000, pass',
    'cancelling + 300-699 -> completed: send ack, -repeat, D=32000, pass',
    'cancelling + transport error -> terminated: tell transport',
    'proceeding + 1xx -> proceeding: pass',
    'proceeding + cancel wanted -> cancelled: send cancel, cancel=32000',
    'proceeding + 2xx -> accepted: -repeat, M=32000, pass',
    'proceeding + 300-699 -> completed: send ack, -repeat, D=32000, pass',
    'proceeding + transport error -> terminated: tell transport',
    'cancelled + cancel wanted -> cancelled',
    'cancelled + 1xx -> cancelled: pass',
    'cancelled + 2xx -> accepted: -repeat, M=32000, pass',
    'cancelled + 300-699 -> completed: send ack, -repeat, D=32000, pass',
    'cancelled + cancel@32000 -> terminated: tell timeout',
    'cancelled + transport error -> terminated: tell transport',
    'completed + 1xx -> completed',
    'completed + 2xx -> completed',
    'completed + 300-699 -> completed: send ack',
    'completed + cancel wanted -> completed',
    'completed + D@32000 -> terminated',
    'completed + transport error -> terminated',
    'accepted + 1xx -> accepted',
    'accepted + 2xx -> accepted: pass',
    'accepted + 300-699 -> accepted',
    'accepted + cancel wanted -> accepted',
    'accepted + transport error -> accepted',
    'accepted + M@32000 -> terminated',
  ]);
});

describe('INVITE client on a reliable transport', () => {
  check(inviteClient(tcp) as AnyMachine, 'calling: send, B=32000', [
    'calling + B@32000 -> terminated: tell timeout',
    'calling + 1xx -> proceeding: -repeat, -life, pass',
    'calling + 2xx -> accepted: -repeat, M=32000, pass',
    'calling + 300-699 -> terminated: send ack, pass',
    'proceeding + 300-699 -> terminated: send ack, pass',
    'cancelled + 300-699 -> terminated: send ack, pass',
  ]);
});

describe('non-INVITE client on UDP', () => {
  check(nonInviteClient(udp) as AnyMachine, 'trying: send, F=32000, E=500', [
    'trying + E@500 -> trying: send, E=1000',
    'trying + E@2000 -> trying: send, E=4000',
    'trying + E@4000 -> trying: send, E=4000',
    'trying + F@32000 -> terminated: tell timeout',
    'trying + 1xx -> proceeding: pass',
    'trying + 2xx -> completed: -repeat, K=5000, pass',
    'trying + 300-699 -> completed: -repeat, K=5000, pass',
    'trying + transport error -> terminated: tell transport',
    'trying + cancel wanted -> trying',
    'proceeding + E@1000 -> proceeding: send, E=4000',
    'proceeding + F@32000 -> terminated: tell timeout',
    'proceeding + 1xx -> proceeding: pass',
    'proceeding + 2xx -> completed: -repeat, K=5000, pass',
    'proceeding + 300-699 -> completed: -repeat, K=5000, pass',
    'proceeding + transport error -> terminated: tell transport',
    'completed + 1xx -> completed',
    'completed + 2xx -> completed',
    'completed + 300-699 -> completed',
    'completed + transport error -> completed',
    'completed + K@5000 -> terminated',
  ]);
});

describe('non-INVITE client on a reliable transport', () => {
  check(nonInviteClient(tcp) as AnyMachine, 'trying: send, F=32000', [
    'trying + 2xx -> terminated: pass',
    'proceeding + 300-699 -> terminated: pass',
    'proceeding + F@32000 -> terminated: tell timeout',
  ]);
});

describe('INVITE server on UDP', () => {
  check(inviteServer(udp) as AnyMachine, 'proceeding: trying=200', [
    'proceeding + request -> proceeding: resend',
    'proceeding + trying@200 -> proceeding: send 100',
    'proceeding + 1xx -> proceeding: -repeat, send',
    'proceeding + 2xx -> accepted: -repeat, L=32000, send',
    'proceeding + 300-699 -> completed: G=500, H=32000, send',
    'proceeding + ack -> proceeding',
    'proceeding + transport error -> proceeding: tell transport',
    'completed + request -> completed: resend',
    'completed + G@500 -> completed: resend, G=1000',
    'completed + G@4000 -> completed: resend, G=4000',
    'completed + H@32000 -> terminated: tell timeout',
    'completed + ack -> confirmed: -repeat, I=5000',
    'completed + 1xx -> completed',
    'completed + 2xx -> completed',
    'completed + 300-699 -> completed',
    'completed + transport error -> completed: tell transport',
    'accepted + request -> accepted',
    'accepted + ack -> accepted: pass ack',
    'accepted + 1xx -> accepted',
    'accepted + 2xx -> accepted: send',
    'accepted + 300-699 -> accepted',
    'accepted + transport error -> accepted: tell transport',
    'accepted + L@32000 -> terminated',
    'confirmed + ack -> confirmed',
    'confirmed + request -> confirmed',
    'confirmed + 300-699 -> confirmed',
    'confirmed + transport error -> confirmed',
    'confirmed + I@5000 -> terminated',
  ]);
});

describe('INVITE server on a reliable transport', () => {
  check(inviteServer(tcp) as AnyMachine, 'proceeding: trying=200', [
    'proceeding + 2xx -> accepted: -repeat, L=32000, send',
    'proceeding + 300-699 -> completed: -repeat, H=32000, send',
    'completed + ack -> terminated',
    'completed + H@32000 -> terminated: tell timeout',
  ]);
});

describe('non-INVITE server on UDP', () => {
  check(nonInviteServer(udp) as AnyMachine, 'trying: trying=3500', [
    'trying + request -> trying',
    'trying + 1xx -> trying',
    'trying + trying@3500 -> proceeding: -repeat, expiry=32000, send 100',
    'trying + 2xx -> completed: -repeat, J=32000, send',
    'trying + 300-699 -> completed: -repeat, J=32000, send',
    'trying + too late -> terminated',
    'trying + transport error -> terminated: tell transport',
    'proceeding + request -> proceeding: resend',
    'proceeding + 1xx -> proceeding: send',
    'proceeding + 2xx -> completed: -repeat, J=32000, send',
    'proceeding + 300-699 -> completed: -repeat, J=32000, send',
    'proceeding + too late -> terminated',
    'proceeding + expiry@32000 -> terminated',
    'proceeding + transport error -> terminated: tell transport',
    'completed + request -> completed: resend',
    'completed + 1xx -> completed',
    'completed + 2xx -> completed',
    'completed + 300-699 -> completed',
    'completed + J@32000 -> terminated',
    'completed + transport error -> terminated: tell transport',
  ]);
});

describe('non-INVITE server on a reliable transport', () => {
  check(nonInviteServer(tcp) as AnyMachine, 'trying: trying=3500', [
    'trying + 1xx -> proceeding: -repeat, expiry=32000, send',
    'trying + 2xx -> terminated: send',
    'proceeding + 300-699 -> terminated: send',
  ]);
});
