import { bodyOf, createUserAgent, type Via } from '../../peers/ua.ts';
import type { Lab } from '../lab.ts';
import { caFile } from '../machine.ts';
import { PORTS } from '../ports.ts';
import { assert, type Row } from '../scenario.ts';
import { passwordOf } from '../users.ts';

const WAYS: Record<string, Via> = {
  'outside, TLS to Edge': { tls: PORTS.edgeTls, caFile },
  'outside, secure WebSocket to Edge': { wss: PORTS.edgeWss, caFile },
  'inside, TLS to a Front End': { tls: PORTS.sipTls, caFile },
  'inside, TCP to a Front End': { tcp: PORTS.sip },
  'inside, UDP to a Front End': { udp: PORTS.sip },
};

/** Each way in turn: signs in, is written to and writes, and learns that a wrong password is refused. */
export async function run(lab: Lab, note: (row: Row) => void): Promise<void> {
  const names = Object.keys(WAYS);
  const users = await lab.users('walker', names.length);
  const partner = await createUserAgent((await lab.users('partner', 1))[0] as string, 'pw-partner0', {
    tcp: PORTS.sip,
  });
  assert((await partner.register()).status === 200, 'the partner could not sign in');
  for (const [index, [way, via]] of Object.entries(WAYS).entries())
    note(await visit(way, via, users[index] as string, partner));
  partner.close();
}

async function visit(
  way: string,
  via: Via,
  user: string,
  partner: Awaited<ReturnType<typeof createUserAgent>>,
): Promise<Row> {
  const begun = performance.now();
  const intruder = await createUserAgent(user, 'wrong', via);
  const refused = await intruder.register();
  assert(refused.status === 401 || refused.status === 403, `a wrong password got ${refused.status}`);
  intruder.close();
  const agent = await createUserAgent(user, passwordOf(user), via);
  try {
    const registered = await agent.register();
    assert(registered.status === 200, `REGISTER got ${registered.status}`);
    const there = await partner.message(user, `to ${way}`);
    assert(there.status === 200, `MESSAGE to the user got ${there.status}`);
    await agent.received((request) => bodyOf(request) === `to ${way}`);
    const back = await agent.message(partner.user, `from ${way}`);
    assert(back.status === 200, `MESSAGE from the user got ${back.status}`);
    await partner.received((request) => bodyOf(request) === `from ${way}`);
    return { step: way, ok: true, measured: `${Math.round(performance.now() - begun)} ms for all of it` };
  } catch (error) {
    return { step: way, ok: false, measured: (error as Error).message };
  } finally {
    agent.close();
  }
}
