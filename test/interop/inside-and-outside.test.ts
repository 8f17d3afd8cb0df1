// Two people with ordinary clients: alice inside with baresip, bob outside through Edge with linphone, both over
// verified TLS. They sign in, see each other, write to each other and talk.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Baresip, startBaresip } from '../peers/baresip.ts';
import { startNameServer } from '../peers/dns.ts';
import { type Linphone, startLinphone } from '../peers/linphone.ts';
import { heardHertz, writeTone } from '../peers/sound.ts';
import { type System, startSystem } from '../system.ts';

let system: System;
let names: Awaited<ReturnType<typeof startNameServer>>;
let alice: Baresip;
let bob: Linphone;
const sounds = mkdtempSync(join(tmpdir(), 'sounds-'));

beforeAll(async () => {
  system = await startSystem();
  names = await startNameServer();
  const [alicePassword, bobPassword] = [await system.createUser('anna'), await system.createUser('bert')];
  alice = await startBaresip({
    user: 'anna@contoso.lab',
    password: alicePassword,
    server: `localhost:${system.port('sip-tls')}`,
    caFile: system.caFile,
    nameServerPort: names.port,
    contacts: ['bert@contoso.lab'],
  });
  await alice.waitForOutput(/REGISTER_OK/);
  bob = await startLinphone({
    user: 'bert@contoso.lab',
    password: bobPassword,
    server: `localhost:${system.port('access-tls')}`,
    caFile: system.caFile,
    friends: ['anna@contoso.lab'],
  });
  await bob.until('register-status ALL', /State: LinphoneRegistrationOk/);
});

afterAll(async () => {
  await bob?.stop();
  await alice?.stop();
  await names?.stop();
  await system?.stop();
  rmSync(sounds, { recursive: true, force: true });
});

describe('presence', () => {
  it('shows bert as online to anna', async () => {
    await expect
      .poll(() => alice.command('contacts'), { timeout: 20_000 })
      .toMatch(/Online.*bert@contoso\.lab/);
  });

  it('shows anna as online to bert', async () => {
    // What he publishes himself stands in the log as well, so the document must be anna's.
    await bob.waitForLog(/entity="sip:anna@contoso\.lab"(?:(?!entity=)[\s\S])*?<basic>open<\/basic>/);
  });
});

describe('messages', () => {
  it('go from inside to outside', async () => {
    await alice.command('message', 'sip:bert@contoso.lab good morning from inside');
    await bob.waitForLog(/MESSAGE sip:bert[\s\S]*?good morning from inside/);
  });

  it('go from outside to inside', async () => {
    await bob.command('message sip:anna@contoso.lab good morning from outside');
    // The answer to this message: bert's own 200 to the one before stands in the log as well.
    await bob.waitForLog(
      /good morning from outside[\s\S]*?received \[\d+\] new bytes[^\n]*\nSIP\/2\.0 200[^\n]*\n(?:[\w-]+:[^\n]*\n)*?CSeq: \d+ MESSAGE/,
    );
  });

  it('fail with a clear reason when nobody is there', async () => {
    await system.createUser('nobody-home');
    await bob.command('message sip:nobody-home@contoso.lab anyone?');
    await bob.waitForLog(/SIP\/2\.0 480 [\s\S]{0,1500}?ms-diagnostics: [^\r\n]*reason="/);
  });
});

describe('a call', () => {
  it('is set up, heard and ended through the server', async () => {
    writeTone(join(sounds, 'tone.wav'), 600, 30);
    await alice.command('dial', 'sip:bert@contoso.lab');
    await alice.event('CALL_ESTABLISHED');
    await bob.command(`incall-player-start ${join(sounds, 'tone.wav')}`);
    await new Promise((resolve) => setTimeout(resolve, 3000));
    await bob.command('terminate');
    await alice.event('CALL_CLOSED');
    expect(heardHertz(alice.recording() ?? '')).toBeGreaterThan(560);
    expect(heardHertz(alice.recording() ?? '')).toBeLessThan(640);
  });
});
