import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { type Baresip, startBaresip } from '../../peers/baresip.ts';
import { startNameServer } from '../../peers/dns.ts';
import { type Linphone, startLinphone } from '../../peers/linphone.ts';
import { sippUser, startSipp } from '../../peers/sipp.ts';
import { heardHertz, writeTone } from '../../peers/sound.ts';
import type { Lab } from '../lab.ts';
import { caFile } from '../machine.ts';
import { DOMAIN, PORTS } from '../ports.ts';
import { assert, type Row } from '../scenario.ts';
import { passwordOf } from '../users.ts';

/** baresip inside and linphone outside, both over verified TLS, then sipp with a few hundred calls. */
export async function run(lab: Lab, note: (row: Row) => void): Promise<void> {
  await lab.users('anna', 1);
  await lab.users('bert', 1);
  const names = await startNameServer();
  const step = async (what: string, work: () => Promise<unknown>): Promise<void> => {
    const begun = performance.now();
    const failure = await work().then(
      () => undefined,
      (error: Error) => error.message.slice(0, 300),
    );
    const measured = failure ?? `${((performance.now() - begun) / 1000).toFixed(1)} s`;
    note({ step: what, ok: failure === undefined, measured });
  };
  let anna: Baresip | undefined;
  let bert: Linphone | undefined;
  try {
    anna = await startBaresip({
      user: `anna0@${DOMAIN}`,
      password: passwordOf('anna0'),
      server: `localhost:${PORTS.sipTls}`,
      caFile,
      nameServerPort: names.port,
      contacts: [`bert0@${DOMAIN}`],
    });
    await anna.waitForOutput(/REGISTER_OK/);
    bert = await startLinphone({
      user: `bert0@${DOMAIN}`,
      password: passwordOf('bert0'),
      server: `localhost:${PORTS.edgeTls}`,
      caFile,
      friends: [`anna0@${DOMAIN}`],
    });
    await bert.until('register-status ALL', /State: LinphoneRegistrationOk/);
    const [inside, outside] = [anna, bert];
    await step('baresip inside sees linphone outside online', () => seesOnline(inside));
    await step('a message from inside to outside', () => writesOut(inside, outside));
    await step('a message from outside to inside', () => writesIn(outside));
    await step('a call is set up, heard and ended', () => talk(inside, outside));
  } finally {
    await bert?.stop();
    await anna?.stop();
    await names.stop();
  }
  // Each registration is an endpoint: five of a user are allowed also while none of the closed connections was noticed yet.
  const users = (await lab.users('sipp', 40)).map((user) => user.split('@')[0] as string);
  await step('sipp registers 200 times over UDP', () => register(users, 'u1'));
  await step('sipp registers 200 times over TCP, a connection each', () => register(users, 'tn'));
}

async function seesOnline(anna: Baresip): Promise<void> {
  for (const deadline = Date.now() + 20_000; ; await wait(200)) {
    const contacts = await anna.command('contacts');
    if (/Online.*bert0@/.test(contacts)) return;
    assert(Date.now() < deadline, `still not online: ${contacts}`);
  }
}

async function writesOut(anna: Baresip, bert: Linphone): Promise<void> {
  await anna.command('message', `sip:bert0@${DOMAIN} good morning from inside`);
  await bert.waitForLog(/MESSAGE sip:bert0[\s\S]*?good morning from inside/);
}

async function writesIn(bert: Linphone): Promise<void> {
  await bert.command(`message sip:anna0@${DOMAIN} good morning from outside`);
  await bert.waitForLog(
    /good morning from outside[\s\S]*?received \[\d+\] new bytes[^\n]*\nSIP\/2\.0 200[^\n]*\n(?:[\w-]+:[^\n]*\n)*?CSeq: \d+ MESSAGE/,
  );
}

async function talk(anna: Baresip, bert: Linphone): Promise<void> {
  const sounds = mkdtempSync(join(tmpdir(), 'sounds-'));
  try {
    writeTone(join(sounds, 'tone.wav'), 600, 30);
    await anna.command('dial', `sip:bert0@${DOMAIN}`);
    await anna.event('CALL_ESTABLISHED');
    await bert.command(`incall-player-start ${join(sounds, 'tone.wav')}`);
    await wait(3000);
    await bert.command('terminate');
    await anna.event('CALL_CLOSED');
    const heard = heardHertz(anna.recording() ?? '');
    assert(heard > 560 && heard < 640, `heard ${heard} Hz instead of 600`);
  } finally {
    rmSync(sounds, { recursive: true, force: true });
  }
}

async function register(users: string[], transport: 'u1' | 'tn'): Promise<void> {
  const sipp = await startSipp({
    scenario: 'register',
    server: `127.0.0.1:${PORTS.sip}`,
    domain: DOMAIN,
    transport,
    users: users.map((name) => sippUser(name, passwordOf(name))),
    calls: 200,
  });
  const code = await sipp.exited;
  const wrong = sipp.output().match(/^.*(?:[Uu]nexpected|[Aa]bort|SIP\/2\.0 [3-6]|rror).*$/gm) ?? [];
  assert(code === 0, `exit code ${code}: ${wrong.slice(0, 4).join('; ').replaceAll(/\s+/g, ' ')}`);
}
