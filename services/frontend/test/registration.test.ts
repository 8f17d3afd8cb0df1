import { newTag, type SipRequest, type SipResponse } from '@linchpin/sip';
import { LAB_DOMAIN } from '@linchpin/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type FrontEnd, startFrontEnd } from './front-end.ts';
import { answer401, type Phone } from './phone.ts';

const REGISTRAR = `sip:${LAB_DOMAIN}`;
let frontEnd: FrontEnd;

beforeAll(async () => {
  const users = ['alice', 'bob', 'carol', 'dave', 'erin', 'frank', 'grace', 'heidi', 'ivan', 'judy'];
  frontEnd = await startFrontEnd({ users });
});
afterAll(() => frontEnd?.close());

const contacts = (response: SipResponse): string[] => response.values('contact');

/** The REGISTER of a phone that has been challenged, ready to be sent. */
async function challenged(
  phone: Phone,
  user: string,
  asking: object = {},
): Promise<[SipRequest, SipResponse]> {
  const contact: [string, string] = ['Contact', `<${phone.contact}>`];
  const challenge = await phone.exchange(phone.build('REGISTER', REGISTRAR, { headers: [contact] }));
  const credentials = answer401(challenge, 'REGISTER', REGISTRAR, { username: user, password: `pw-${user}` });
  return [phone.build('REGISTER', REGISTRAR, { headers: [contact, credentials], ...asking }), challenge];
}

describe('a REGISTER', () => {
  test('is challenged with the algorithms of the configuration, in its order', async () => {
    const alice = await frontEnd.phone('alice');
    const challenge = await alice.exchange(alice.build('REGISTER', REGISTRAR));
    expect(challenge.status).toBe(401);
    const offered = challenge.getAll('www-authenticate');
    expect(offered.map((value) => /algorithm=([\w-]+)/.exec(value)?.[1])).toEqual(['MD5', 'SHA-256']);
    expect(offered.every((value) => value.includes(`realm="${LAB_DOMAIN}"`))).toBe(true);
  });

  test('that is repeated gets the same challenge', async () => {
    const alice = await frontEnd.phone('alice');
    const request = alice.build('REGISTER', REGISTRAR);
    const challenges = [await alice.exchange(request)];
    // Nonces are the same for four seconds; of three copies two are within the same.
    for (const _copy of [2, 3]) challenges.push(await alice.copy(request, challenges.length));
    const texts = challenges.map((challenge) => challenge.toBuffer().toString());
    expect(new Set(texts).size).toBeLessThan(3);
  });

  test('signs in, refreshes, fetches and signs out', async () => {
    const alice = await frontEnd.phone('alice');
    const first = await alice.register();
    expect(first.status).toBe(200);
    expect(contacts(first)).toEqual([`<${alice.contact}>;expires=600`]);
    expect(first.get('service-route')).toContain(`127.0.0.1:${frontEnd.server().port};transport=udp;lr`);
    expect((await alice.register()).status).toBe(200);
    expect(contacts(await alice.ask('REGISTER', REGISTRAR))).toHaveLength(1);
    expect(contacts(await alice.register({ expires: 0 }))).toEqual([]);
    expect(contacts(await alice.ask('REGISTER', REGISTRAR))).toEqual([]);
  });

  test('signs in over TLS, and is led back to the same listener', async () => {
    const alice = await frontEnd.phone('alice', { transport: 'tls' });
    const response = await alice.register();
    expect(response.status).toBe(200);
    const { port } = frontEnd.server('tls');
    expect(response.get('service-route')).toBe(`<sip:127.0.0.1:${port};transport=tls;lr>`);
    await alice.register({ expires: 0 });
  });

  test('adds to the endpoints that the user has, and "*" removes all', async () => {
    const [desk, mobile] = [await frontEnd.phone('bob'), await frontEnd.phone('bob')];
    await desk.register();
    const both = await mobile.register({ headers: [['User-Agent', 'mobile/1']] });
    expect(contacts(both)).toHaveLength(2);
    const star = await mobile.ask('REGISTER', REGISTRAR, {
      headers: [
        ['Contact', '*'],
        ['Expires', '0'],
      ],
    });
    expect(star.status).toBe(200);
    expect(contacts(star)).toEqual([]);
  });

  test('gets an interval within the limits', async () => {
    const carol = await frontEnd.phone('carol');
    const brief = await carol.register({ expires: 299 });
    expect([brief.status, brief.get('min-expires')]).toEqual([423, '300']);
    expect(contacts(await carol.register({ expires: 3600 }))[0]).toMatch(/;expires=900$/);
    const unsaid = await carol.ask('REGISTER', REGISTRAR, { headers: [['Contact', `<${carol.contact}>`]] });
    expect(contacts(unsaid)[0]).toMatch(/;expires=600$/);
    const own = await carol
      .register({ contact: `${carol.contact}>;expires=301;q=0.5;x=<y` })
      .catch(() => undefined);
    expect(own?.status).toBe(400);
  });

  test('may not be older than what it changes', async () => {
    const dave = await frontEnd.phone('dave');
    await dave.register({ cseq: 10 });
    const replayed = await dave.register({ cseq: 10, expires: 0 });
    expect(replayed.status).toBe(400);
    expect(replayed.get('ms-diagnostics')).toMatch(/^1045;reason=".+";source="frontend-0";id="[0-9a-f]+"$/);
    expect(contacts(await dave.ask('REGISTER', REGISTRAR, { cseq: 11 }))).toHaveLength(1);
    // Another Call-ID is another client instance, such as the same one after a reboot (RFC 3261 10.3).
    expect((await dave.register({ cseq: 1, callId: newTag() })).status).toBe(200);
  });

  test('is limited to eight endpoints', async () => {
    const phones = await Promise.all(Array.from({ length: 9 }, () => frontEnd.phone('erin')));
    for (const phone of phones.slice(0, 8)) expect((await phone.register()).status).toBe(200);
    const ninth = await phones[8]?.register();
    expect([ninth?.status, ninth?.reason]).toEqual([403, 'No more than 8 endpoints']);
    expect((await phones[0]?.register())?.status).toBe(200);
    await phones[0]?.register({ expires: 0 });
    expect((await phones[8]?.register())?.status).toBe(200);
  });

  test('follows a changed configuration from the next request on', async () => {
    const change = (spec: object) =>
      frontEnd.publish([{ kind: 'RegistrarConfiguration', name: 'global', spec: { ...defaults, ...spec } }]);
    const defaults = {
      maxEndpointsPerUser: 8,
      maxUserCount: 12_000,
      minExpires: 300,
      defaultExpires: 600,
      maxExpires: 900,
      digestAlgorithms: ['SHA-256', 'MD5'],
    };
    await change({ maxEndpointsPerUser: 1, digestAlgorithms: ['MD5'] });
    const [one, two] = [await frontEnd.phone('frank'), await frontEnd.phone('frank')];
    expect((await one.register()).status).toBe(200);
    expect((await two.register()).status).toBe(403);
    await change({});
    expect((await two.register()).status).toBe(200);
  });

  test('with outbound binds device and flow (RFC 5626)', async () => {
    const grace = await frontEnd.phone('grace', { transport: 'tcp' });
    const device = ';+sip.instance="<urn:uuid:0c67446e-f1a1-11d9-94d3-000a95a0e128>";reg-id=1';
    const register = (contact: string) =>
      grace.ask('REGISTER', REGISTRAR, {
        headers: [
          ['Contact', `<${contact}>${device}`],
          ['Supported', 'path, outbound'],
        ],
      });
    const first = await register('sip:grace@192.0.2.1:1;ob');
    expect([first.status, first.get('require'), first.get('flow-timer')]).toEqual([200, 'outbound', '120']);
    const second = await register('sip:grace@192.0.2.1:2;ob');
    expect(contacts(second)).toEqual([`<sip:grace@192.0.2.1:2;ob>${device};expires=600`]);
  });

  test('of a device that has started again replaces what it had', async () => {
    const device = ';+sip.instance="<urn:uuid:5a1d>"';
    const registered = async (callId: string) => {
      const phone = await frontEnd.phone('heidi');
      const headers: [string, string][] = [['Contact', `<${phone.contact}>${device}`]];
      return [phone.contact, contacts(await phone.ask('REGISTER', REGISTRAR, { headers, callId }))] as const;
    };
    await registered('first');
    const [contact, bound] = await registered('second');
    expect(bound).toEqual([`<${contact}>${device};expires=600`]);
    const [, both] = await registered('second');
    expect(both).toHaveLength(2);
  });

  test('keeps and echoes Path, and refuses one that the client does not know of (RFC 3327)', async () => {
    const heidi = await frontEnd.phone('heidi');
    const path: [string, string] = ['Path', '<sip:p.example.com;lr>'];
    const refused = await heidi.register({ headers: [path] });
    expect([refused.status, refused.get('unsupported')]).toEqual([420, 'path']);
    const taken = await heidi.register({ headers: [path, ['Supported', 'path']] });
    expect([taken.status, taken.get('path')]).toEqual([200, '<sip:p.example.com;lr>']);
  });
});

describe('who signs in', () => {
  test('is refused alike with a wrong password and with a name that does not exist', async () => {
    const phone = await frontEnd.phone('alice');
    const wrong = await phone.register({ password: 'guess' });
    const nobody = await frontEnd.phone('nobody');
    const unknown = await nobody.register();
    const seen = (response: SipResponse) => [
      response.status,
      response.reason,
      response.get('ms-diagnostics')?.replace(/id=.*/, ''),
      response.lines.map(({ name }) => name),
    ];
    expect(seen(wrong)).toEqual(seen(unknown));
    expect(wrong.status).toBe(403);
  });

  test('cannot be another user', async () => {
    const mallory = await frontEnd.phone('alice');
    const asBob = { to: `sip:bob@${LAB_DOMAIN}`, from: `sip:bob@${LAB_DOMAIN}` };
    expect((await mallory.register(asBob)).status).toBe(403);
    const spoofed = await mallory.ask('MESSAGE', `sip:carol@${LAB_DOMAIN}`, { from: asBob.from });
    expect(spoofed.status).toBe(403);
    const stranger = await mallory.ask('MESSAGE', `sip:carol@${LAB_DOMAIN}`, {
      from: 'sip:alice@elsewhere.example',
    });
    expect([stranger.status, stranger.get('ms-diagnostics')?.slice(0, 4)]).toEqual([403, '1020']);
  });

  test('cannot use an answer to a challenge twice', async () => {
    const ivan = await frontEnd.phone('ivan');
    const [request] = await challenged(ivan, 'ivan');
    expect((await ivan.exchange(request)).status).toBe(200);
    const replay = await frontEnd.phone('ivan');
    const [, credentials = ''] = ['', request.get('authorization')];
    const again = await replay.exchange(
      replay.build('REGISTER', REGISTRAR, {
        headers: [
          ['Contact', '<sip:mallory@192.0.2.66>'],
          ['Authorization', credentials],
        ],
      }),
    );
    expect(again.status).toBe(401);
    expect(again.get('www-authenticate')).toContain('stale=true');
  });

  test('is asked once on a connection, and again for another identity', async () => {
    const judy = await frontEnd.phone('judy', { transport: 'tcp' });
    await judy.register();
    const message = judy.build('MESSAGE', `sip:nobody@${LAB_DOMAIN}`);
    expect((await judy.exchange(message)).status).toBe(404);
    const other = judy.build('MESSAGE', `sip:nobody@${LAB_DOMAIN}`, { from: `sip:alice@${LAB_DOMAIN}` });
    expect((await judy.exchange(other)).status).toBe(407);
  });

  test('is asked for each request over UDP', async () => {
    const judy = await frontEnd.phone('judy');
    await judy.register();
    expect((await judy.exchange(judy.build('MESSAGE', `sip:bob@${LAB_DOMAIN}`))).status).toBe(407);
  });
});
