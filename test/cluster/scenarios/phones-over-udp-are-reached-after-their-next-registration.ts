import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { Lab } from '../lab.ts';
import { cache } from '../machine.ts';
import type { Row } from '../scenario.ts';

/** Registrations that last so long are renewed after half to four fifths of it. */
const EXPIRES_SECONDS = 30;

/** Nobody tells a UDP client that its node port leads to another pod now; it learns when it registers. */
export async function run(lab: Lab, note: (row: Row) => void): Promise<void> {
  await lab.restore();
  await configure(lab, { minExpires: EXPIRES_SECONDS, defaultExpires: EXPIRES_SECONDS });
  const options = {
    ways: [lab.ways.udp],
    users: 20,
    rates: { signIns: 0, presence: 0 },
    expires: EXPIRES_SECONDS,
  };
  const reach = (count: number) => async (): Promise<string> => {
    await lab.kube.scale('frontend', count);
    return `${count} ready after ${((await lab.kube.settled('frontend', count)) / 1000).toFixed(1)} s`;
  };
  const settle = async (): Promise<string> => {
    await wait(10_000);
    return '10 s of messages to everybody';
  };
  try {
    await lab.underLoad(options, async (load) => {
      for (const [from, to] of [[3, 2] as const, [2, 3] as const]) {
        note(await load.during(`${from} → ${to} Front Ends`, reach(to), { mayFail: true }));
        await wait(EXPIRES_SECONDS * 1000);
        note(await load.during(`${EXPIRES_SECONDS} s later`, settle));
      }
    });
  } finally {
    await configure(lab, {});
    await lab.restore();
  }
}

async function configure(lab: Lab, spec: object): Promise<void> {
  const file = join(cache, 'registrar.json');
  writeFileSync(file, JSON.stringify({ kind: 'RegistrarConfiguration', name: 'global', spec }));
  await lab.cli('apply', '-f', file);
}
