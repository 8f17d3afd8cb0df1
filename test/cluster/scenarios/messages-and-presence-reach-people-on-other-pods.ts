import { setTimeout as wait } from 'node:timers/promises';
import type { Lab } from '../lab.ts';
import { assert, type Row } from '../scenario.ts';

/** Forty people on every way in, homed on every Front End: messages and presence in all directions. */
export async function run(lab: Lab, note: (row: Row) => void): Promise<void> {
  await lab.restore();
  const owners = await lab.owners('frontend');
  note({
    step: 'groups of users are spread over the Front Ends',
    ok: owners.size >= 2,
    measured: [...owners].map(([pod, groups]) => `${pod} ${groups}`).join(', '),
  });
  await lab.underLoad({ rates: { messages: 30, presence: 5 } }, async (load) => {
    const signedIn = load.clients.filter((client) => client.signedIn).length;
    assert(signedIn === load.clients.length, `only ${signedIn} of ${load.clients.length} are signed in`);
    const half = async (): Promise<string> => {
      await wait(20_000);
      const { latency } = load.report();
      return `message p50 ${Math.round(latency.message?.p50 ?? 0)} ms, p99 ${Math.round(latency.message?.p99 ?? 0)} ms`;
    };
    note(await load.during('20 seconds, 30 messages each second', half));
  });
}
