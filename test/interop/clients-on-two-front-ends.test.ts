// baresip signs in at one Front End and linphone at another, sipp over UDP at a third: they reach each other as on one.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Baresip, startBaresip } from '../peers/baresip.ts';
import { startNameServer } from '../peers/dns.ts';
import { type Linphone, startLinphone } from '../peers/linphone.ts';
import { sippUser, startSipp } from '../peers/sipp.ts';
import { heardHertz, writeTone } from '../peers/sound.ts';
import type { Pod } from '../pool/pod.ts';
import { type PoolLab, startPool } from '../pool/pool.ts';

let pool: PoolLab;
let names: Awaited<ReturnType<typeof startNameServer>>;
let anna: Baresip;
let bert: Linphone;
const [annasAddress, bertsAddress] = ['u0@contoso.lab', 'u1@contoso.lab'];
const sounds = mkdtempSync(join(tmpdir(), 'sounds-'));
const port = (pod: Pod, listener: string): number => pod.ports.listeners[listener] ?? 0;

beforeAll(async () => {
  pool = await startPool({ frontends: 3, directors: 0, edges: 0, users: 4 });
  await pool.view.ownedBy(pool.pods('frontend').map(({ name }) => name));
  names = await startNameServer();
  const [one, two] = pool.pods('frontend') as [Pod, Pod];
  const { ca: caFile } = await pool.lab.sipTls(pool.domain);
  anna = await startBaresip({
    user: annasAddress,
    password: pool.password(annasAddress),
    server: `localhost:${port(one, 'sip-tls')}`,
    caFile,
    nameServerPort: names.port,
    contacts: [bertsAddress],
  });
  await anna.waitForOutput(/REGISTER_OK/);
  bert = await startLinphone({
    user: bertsAddress,
    password: pool.password(bertsAddress),
    server: `localhost:${port(two, 'sip-tls')}`,
    caFile,
    friends: [annasAddress],
  });
  await bert.until('register-status ALL', /State: LinphoneRegistrationOk/);
});

afterAll(async () => {
  await bert?.stop();
  await anna?.stop();
  await names?.stop();
  await pool?.close();
  rmSync(sounds, { recursive: true, force: true });
});

it('they see each other', async () => {
  await expect.poll(() => anna.command('contacts'), { timeout: 20_000 }).toMatch(/Online.*u1@contoso\.lab/);
  await bert.waitForLog(/entity="sip:u0@contoso\.lab"(?:(?!entity=)[\s\S])*?<basic>open<\/basic>/);
});

describe('messages', () => {
  it('go both ways', async () => {
    await anna.command('message', `sip:${bertsAddress} good morning from one`);
    await bert.waitForLog(/MESSAGE sip:u1[\s\S]*?good morning from one/);
    await bert.command(`message sip:${annasAddress} good morning from two`);
    await bert.waitForLog(
      /good morning from two[\s\S]*?received \[\d+\] new bytes[^\n]*\nSIP\/2\.0 200[^\n]*\n(?:[\w-]+:[^\n]*\n)*?CSeq: \d+ MESSAGE/,
    );
  });

  it('come from sipp at the third, challenged over UDP, to sipp at the first', async () => {
    const [one, , three] = pool.pods('frontend') as [Pod, Pod, Pod];
    const domain = pool.domain;
    const receiver = await startSipp({
      scenario: 'register',
      server: `127.0.0.1:${port(one, 'sip-udp')}`,
      domain,
      users: [sippUser('u2', 'pw-u2')],
      calls: 1,
    });
    expect(await receiver.exited).toBe(0);
    const answering = await startSipp({
      scenario: 'answer-message',
      server: `127.0.0.1:${port(one, 'sip-udp')}`,
      domain,
      localPort: receiver.localPort,
      calls: 40,
    });
    const sender = await startSipp({
      scenario: 'message',
      server: `127.0.0.1:${port(three, 'sip-udp')}`,
      domain,
      users: [sippUser('u3', 'pw-u3', 'u2')],
      calls: 20,
      rate: 20,
    });
    expect(await sender.exited, sender.output()).toBe(0);
    await answering.stop('SIGKILL');
  });
});

describe('a call', () => {
  it('is set up, heard and ended across the two', async () => {
    writeTone(join(sounds, 'tone.wav'), 600, 30);
    await anna.command('dial', `sip:${bertsAddress}`);
    await anna.event('CALL_ESTABLISHED');
    await bert.command(`incall-player-start ${join(sounds, 'tone.wav')}`);
    await new Promise((resolve) => setTimeout(resolve, 3000));
    await bert.command('terminate');
    await anna.event('CALL_CLOSED');
    expect(heardHertz(anna.recording() ?? '')).toBeGreaterThan(560);
    expect(heardHertz(anna.recording() ?? '')).toBeLessThan(640);
  });
});
