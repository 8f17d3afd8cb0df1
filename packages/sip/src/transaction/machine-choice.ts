import type { Timing } from './machine.ts';
import type { TimerValues } from './timer-values.ts';

/** The machine for a method on a kind of transport. They have no state of their own, so four of them serve all transactions. */
export function machineChoice<M>(
  invite: (timing: Timing) => M,
  other: (timing: Timing) => M,
  values: TimerValues,
): (method: string, isReliable: boolean) => M {
  const made = (reliable: boolean) => ({
    invite: invite({ ...values, reliable }),
    other: other({ ...values, reliable }),
  });
  const reliable = made(true);
  const unreliable = made(false);
  return (method, isReliable) => {
    const machines = isReliable ? reliable : unreliable;
    return method === 'INVITE' ? machines.invite : machines.other;
  };
}
