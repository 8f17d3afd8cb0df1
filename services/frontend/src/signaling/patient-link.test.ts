import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createPatientLink, type PatientLinkOptions } from './patient-link.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function setUp(options: PatientLinkOptions = {}) {
  const sent: number[] = [];
  const state = { up: false };
  const patient = createPatientLink<{ message: Uint8Array }>(
    {
      address: '',
      get up() {
        return state.up;
      },
      send: ({ message }) => sent.push(message.length) > 0,
      close() {},
    },
    options,
  );
  const send = (bytes: number) => patient.send({ message: Buffer.alloc(bytes) });
  return { patient, send, sent, state };
}

test('what is sent meanwhile leaves when the stream is open, in its order and in time', () => {
  const { patient, send, sent, state } = setUp();
  send(1);
  vi.advanceTimersByTime(4000);
  send(2);
  send(3);
  vi.advanceTimersByTime(2000);
  state.up = true;
  patient.flush();
  send(4);
  expect(sent).toEqual([2, 3, 4]);
});

test('no more waits than may, neither frames nor bytes, until there is room again', () => {
  expect([1, 2, 3].map(setUp({ limit: 2 }).send)).toEqual([true, true, false]);
  const { send } = setUp({ limitBytes: 100 });
  expect([60, 60, 40].map(send)).toEqual([true, false, true]);
  vi.advanceTimersByTime(5000);
  expect(send(100)).toBe(true);
});
