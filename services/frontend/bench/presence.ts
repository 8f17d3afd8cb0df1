import { parseMessage, type SipRequest, SipResponse } from '@linchpin/sip';
import { readPidf } from '../src/presence/pidf-reader.ts';
import { document, linphoneBusy } from '../test/presence-documents.ts';
import { type FakeFlow, Harness, user } from '../test/presence-harness.ts';

export interface Measured {
  name: string;
  perSecond: number;
}

const seconds = 1.5;
const watchers = 500;

/** Watchers that take everything and answer when told to, all of them at once. */
function silentFlow(harness: Harness): FakeFlow & { unanswered: Buffer[] } {
  const unanswered: Buffer[] = [];
  const send = (bytes: Uint8Array): boolean => unanswered.push(Buffer.from(bytes)) > 0;
  return Object.assign(harness.flow(), { unanswered, send });
}

function answerAll(harness: Harness, flow: ReturnType<typeof silentFlow>): number {
  const notifies = flow.unanswered.splice(0).map((bytes) => parseMessage(bytes) as SipRequest);
  for (const notify of notifies) harness.layer.receive(SipResponse.to(notify, 200), flow);
  return notifies.length;
}

const states = [document({ activities: '<rpid:away/>' }), document({ activities: '<rpid:busy/>' })];

/** A presentity with many watchers changes its state: from PUBLISH until each watcher's NOTIFY is bytes, and is answered. */
async function change(
  harness: Harness,
  flow: ReturnType<typeof silentFlow>,
  round: number,
): Promise<number[]> {
  const begin = performance.now();
  await harness.published('alice', flow, states[round % 2]);
  const told = performance.now();
  const count = answerAll(harness, flow);
  return [count, told - begin, performance.now() - begin];
}

async function measureFanOut(): Promise<Measured[]> {
  const harness = new Harness();
  const flow = silentFlow(harness);
  for (let i = 0; i < watchers; i++) {
    const aor = `sip:bob-${i}@contoso.lab`;
    harness.users.set(aor, user(aor));
    await harness.watch(`bob-${i}`, 'alice', flow);
  }
  answerAll(harness, flow);
  const sums = [0, 0, 0];
  for (let round = 0; (sums[2] ?? 0) < 2 * seconds * 1000; round++) {
    const measured = await change(harness, flow, round);
    // The first rounds compile.
    if (round >= 20)
      measured.forEach((value, at) => {
        sums[at] = (sums[at] ?? 0) + value;
      });
    await new Promise(setImmediate);
  }
  harness.stop();
  const [count = 0, telling = 1, all = 1] = sums;
  return [
    { name: 'presence NOTIFY sent', perSecond: Math.round((count / telling) * 1000) },
    { name: 'presence NOTIFY sent and answered', perSecond: Math.round((count / all) * 1000) },
  ];
}

function measureParsing(): Measured {
  const bytes = Buffer.from(linphoneBusy);
  for (let i = 0; i < 2000; i++) readPidf(bytes);
  const begin = performance.now();
  let count = 0;
  for (; performance.now() - begin < seconds * 1000; count++) readPidf(bytes);
  return {
    name: 'presence documents read',
    perSecond: Math.round((count / (performance.now() - begin)) * 1000),
  };
}

/** On one core, in memory. A change shall reach at least 10,000 watchers a second. */
export async function run(): Promise<Measured[]> {
  return [...(await measureFanOut()), measureParsing()];
}
