import { groupBucket, userStateKey } from '@linchpin/proto/subjects';
import type { SipResponse } from '@linchpin/sip';
import { LAB_DOMAIN, userDocuments } from '@linchpin/testkit';
import { groupOf } from '@linchpin/topology';
import { Kvm } from '@nats-io/kv';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type FrontEnd, startFrontEnd } from './front-end.ts';
import { answer401, listenTcp, type Phone } from './phone.ts';

const uriOf = (user: string): string => `sip:${user}@${LAB_DOMAIN}`;
let frontEnd: FrontEnd;

beforeEach(async () => {
  frontEnd = await startFrontEnd({
    users: ['alice', 'bob', 'carol'],
    config: { registrar: { graceSeconds: 0.3 }, state: { patienceSeconds: 0.5 } },
  });
});
afterEach(() => frontEnd?.close());

const contacts = (response: SipResponse) => response.values('contact');
const fetchAs = (phone: Phone) => phone.ask('REGISTER', uriOf('').replace('@', ''));

async function delivered(from: Phone, to: Phone, user: string): Promise<number> {
  const sent = from.ask('MESSAGE', uriOf(user), { body: 'hi' });
  to.answer(await to.next('MESSAGE'), 200);
  return (await sent).status;
}

describe('a Front End that starts again', () => {
  test('still knows who is signed in over UDP, and where', async () => {
    const [alice, bob] = [await frontEnd.phone('alice'), await frontEnd.phone('bob')];
    await alice.register();
    await bob.register();
    await frontEnd.restart();
    expect(await delivered(alice, bob, 'bob')).toBe(200);
    expect(contacts(await fetchAs(bob))).toHaveLength(1);
  });

  test('answers a REGISTER again that was stored, and not answered', async () => {
    const bob = await frontEnd.phone('bob');
    const [uri, headers] = [`sip:${LAB_DOMAIN}`, [['Contact', `<${bob.contact}>`]] as [string, string][]];
    const challenge = await bob.exchange(bob.build('REGISTER', uri, { headers }));
    const answer = answer401(challenge, 'REGISTER', uri, { username: 'bob', password: 'pw-bob' });
    const register = bob.build('REGISTER', uri, { headers: [...headers, answer] });
    expect((await bob.exchange(register)).status).toBe(200);
    await frontEnd.restart();
    const repeated = await bob.copy(register, 1);
    expect(repeated.status).toBe(200);
    expect(contacts(repeated)).toHaveLength(1);
  });

  test('drops who was signed in over a connection and does not come back', async () => {
    const [alice, bob] = [await frontEnd.phone('alice'), await frontEnd.phone('bob', { transport: 'tcp' })];
    await bob.register();
    await frontEnd.restart();
    await expect.poll(async () => (await alice.ask('MESSAGE', uriOf('bob'))).reason).toBe('Not signed in');
    expect(contacts(await fetchAs(await frontEnd.phone('bob')))).toEqual([]);
  });
});

describe('a client whose connection ends', () => {
  test('stays signed in when it comes back within the grace, and else is signed out', async () => {
    const bob = await frontEnd.phone('bob', { transport: 'tcp' });
    const again = await frontEnd.phone('bob', { transport: 'tcp' });
    const watcher = await frontEnd.phone('bob');
    await bob.register();
    await bob.close();
    expect(contacts(await fetchAs(watcher))).toHaveLength(1);
    await again.register({ contact: bob.contact });
    await new Promise((resolve) => setTimeout(resolve, 600));
    expect(contacts(await fetchAs(watcher))).toEqual([`<${bob.contact}>;expires=600`]);
    await again.close();
    await expect.poll(async () => contacts(await fetchAs(watcher))).toEqual([]);
  });

  test('is called at its Contact where it listens there', async () => {
    frontEnd.started.host.log.level = 'silent';
    const arrived = Promise.withResolvers<string>();
    const listener = await listenTcp((message) => arrived.resolve(message.get('from') ?? ''));
    const [alice, bob] = [await frontEnd.phone('alice'), await frontEnd.phone('bob', { transport: 'tcp' })];
    await bob.register({ contact: `sip:bob@127.0.0.1:${listener.port};transport=tcp` });
    await bob.close();
    void alice.ask('MESSAGE', uriOf('bob')).catch(() => {});
    expect(await arrived.promise).toContain(alice.aor);
    await listener.close();
  });
});

describe('while the store is away', () => {
  test('changes are refused with 503, what is stored is served, and all goes on afterwards', async () => {
    const [alice, bob] = [await frontEnd.phone('alice'), await frontEnd.phone('bob')];
    await bob.register();
    await frontEnd.lab.stopNats();
    const refused = await alice.register();
    expect(refused.status).toBe(503);
    expect(refused.get('retry-after')).toMatch(/^[123]$/);
    expect(await delivered(alice, bob, 'bob')).toBe(200);
    await frontEnd.lab.startNats();
    await expect.poll(async () => (await alice.register()).status, { timeout: 10_000 }).toBe(200);
    await frontEnd.restart();
    expect(await delivered(bob, alice, 'alice')).toBe(200);
  });

  test('who signs out does not come back', async () => {
    const bob = await frontEnd.phone('bob');
    await bob.register();
    await frontEnd.lab.stopNats();
    expect((await bob.register({ expires: 0 })).status).toBe(503);
    await frontEnd.lab.startNats();
    await expect.poll(() => frontEnd.started.host.health.state, { timeout: 10_000 }).toBe('ready');
    expect(contacts(await fetchAs(bob))).toEqual([]);
    // What was not acknowledged may take a moment after NATS is back, but a restart then must not bring it back.
    const state = await new Kvm(await (await frontEnd.lab.natsLink('admin')).connection()).open(
      groupBucket('frontend', groupOf(uriOf('bob'))),
    );
    const stored = async () => (await state.get(userStateKey('bindings', 'bob@contoso.lab')))?.operation;
    await expect.poll(stored, { timeout: 10_000 }).not.toBe('PUT');
    await frontEnd.restart();
    expect(contacts(await fetchAs(bob))).toEqual([]);
  });
});

describe('a Front End that starts while the store is away', () => {
  test('asks clients to wait, and serves them when the store is back', async () => {
    const [alice, bob] = [await frontEnd.phone('alice'), await frontEnd.phone('bob')];
    await bob.register();
    await frontEnd.lab.stopNats();
    await frontEnd.restart('not-loaded');
    const refused = await alice.ask('MESSAGE', uriOf('bob'));
    expect([refused.status, refused.get('ms-diagnostics')?.slice(0, 4)]).toEqual([503, '1081']);
    await frontEnd.lab.startNats();
    await expect.poll(() => frontEnd.started.host.health.state, { timeout: 10_000 }).toBe('ready');
    expect(await delivered(alice, bob, 'bob')).toBe(200);
  });
});

describe('a user who is', () => {
  const bobWith = (spec: object) => userDocuments({ name: 'bob', password: 'pw-bob', spec: { ...spec } });

  test('disabled while signed in loses service at once', async () => {
    const [alice, bob] = [await frontEnd.phone('alice'), await frontEnd.phone('bob', { transport: 'tcp' })];
    await bob.register();
    await frontEnd.publish(bobWith({ enabled: false }));
    await expect.poll(() => bob.flow.closed).toBe(true);
    expect((await alice.ask('MESSAGE', uriOf('bob'))).status).toBe(404);
    const back = await frontEnd.phone('bob');
    expect((await back.register()).status).toBe(403);
    await frontEnd.publish(bobWith({ enabled: true }));
    expect(contacts(await fetchAs(back))).toEqual([]);
    expect((await back.register()).status).toBe(200);
  });

  test('deleted is gone', async () => {
    const [alice, bob] = [await frontEnd.phone('alice'), await frontEnd.phone('bob')];
    await bob.register();
    await frontEnd.publish(bobWith({}).map((document) => ({ ...document, spec: null })));
    expect((await alice.ask('MESSAGE', uriOf('bob'))).status).toBe(404);
    expect((await bob.register()).status).toBe(403);
  });

  test('given another password has to prove it, also on a connection that was signed in', async () => {
    const bob = await frontEnd.phone('bob', { transport: 'tcp' });
    await bob.register();
    await frontEnd.publish(userDocuments({ name: 'bob', password: 'changed' }));
    expect((await bob.exchange(bob.build('MESSAGE', uriOf('alice')))).status).toBe(407);
    expect((await bob.register()).status).toBe(403);
    expect((await bob.register({ password: 'changed' })).status).toBe(200);
  });
});
