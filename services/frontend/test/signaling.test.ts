import { createRpcClient } from '@linchpin/host';
import { FrontendClient } from '@linchpin/proto/frontend/v1/frontend';
import type { SipResponse } from '@linchpin/sip';
import { LAB_DOMAIN } from '@linchpin/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type FrontEnd, startFrontEnd } from './front-end.ts';
import { answer401, type Phone } from './phone.ts';

const uriOf = (user: string): string => `sip:${user}@${LAB_DOMAIN}`;
let frontEnd: FrontEnd;
let alice: Phone;

beforeAll(async () => {
  frontEnd = await startFrontEnd({ users: ['alice', 'bob', 'carol'] });
  alice = await frontEnd.phone('alice', { transport: 'tcp' });
  await alice.register();
});
afterAll(() => frontEnd?.close());

const code = (response: SipResponse) => response.get('ms-diagnostics')?.split(';')[0];

describe('a request that cannot be served', () => {
  test('of an unknown method, to this server itself, gets 405 with those that are known', async () => {
    const response = await alice.exchange(alice.build('FROB', `sip:${LAB_DOMAIN}`));
    expect([response.status, code(response)]).toEqual([405, '1003']);
    for (const method of ['REGISTER', 'MESSAGE', 'INVITE', 'ACK', 'CANCEL'])
      expect(response.values('allow')).toContain(method);
  });

  test('for another scheme gets 416', async () => {
    const tel = await alice.exchange(alice.build('INVITE', 'tel:+15551234', { to: uriOf('bob') }));
    expect(tel.status).toBe(416);
    const sips = await alice.exchange(alice.build('INVITE', 'sips:bob@contoso.lab', { to: uriOf('bob') }));
    expect([sips.status, code(sips)]).toEqual([416, '1004']);
  });

  test('that needs what nobody knows gets 420', async () => {
    const proxied = alice.build('INVITE', uriOf('bob'), { headers: [['Proxy-Require', 'magic']] });
    const atProxy = await alice.exchange(proxied);
    expect([atProxy.status, atProxy.get('unsupported'), code(atProxy)]).toEqual([420, 'magic', '1007']);
    const registering = await alice.register({ headers: [['Require', 'magic, path']] });
    expect([registering.status, registering.get('unsupported')]).toEqual([420, 'magic']);
  });

  test('that has come too far gets 483', async () => {
    const request = alice.build('MESSAGE', uriOf('bob'));
    request.set('max-forwards', '0');
    const response = await alice.exchange(request);
    expect([response.status, code(response)]).toEqual([483, '1005']);
  });

  test('that comes back to where it was gets 482', async () => {
    const carol = await frontEnd.phone('carol', { transport: 'tcp' });
    await carol.register();
    void alice.ask('MESSAGE', uriOf('carol')).catch(() => {});
    const received = await carol.next('MESSAGE');
    // Carol is a proxy that sends what it gets back to the address it was sent to.
    const again = carol.build('MESSAGE', uriOf('carol'), {
      from: alice.aor,
      callId: received.callId,
      cseq: received.cseq.seq,
      fromTag: received.from.tag ?? '',
      vias: received.getAll('via'),
    });
    const looped = await carol.exchange(again);
    expect([looped.status, code(looped)]).toEqual([482, '1006']);
  });

  test('in a dialog that does not exist gets 481', async () => {
    for (const method of ['BYE', 'INFO', 'UPDATE', 'PRACK', 'NOTIFY']) {
      const response = await alice.exchange(alice.build(method, uriOf('bob'), { toTag: 'none' }));
      expect([response.status, code(response)]).toEqual([481, '1064']);
    }
  });
});

describe('Via', () => {
  test('that names another sender makes nobody else get the answer', async () => {
    const [bob, victim] = [await frontEnd.phone('bob'), await frontEnd.phone('bob')];
    const request = bob.build('OPTIONS', `sip:${LAB_DOMAIN}`);
    const spoofed = request
      .get('via')
      ?.replace(bob.flow.sentBy, `192.0.2.1:${victim.flow.sentBy.split(':')[1]}`);
    request.set('via', spoofed ?? '');
    const response = await bob.exchange(request);
    expect(response.status).toBe(200);
    expect(response.via.received).toBe('127.0.0.1');
    expect(response.via.rport).toBe(Number(bob.flow.sentBy.split(':')[1]));
  });
});

describe('OPTIONS to the server', () => {
  test('is answered to anybody, by any of its names', async () => {
    const anybody = await frontEnd.phone('nobody');
    const { port } = frontEnd.server();
    for (const uri of [`sip:${LAB_DOMAIN}`, `sip:sip.${LAB_DOMAIN}`, `sip:127.0.0.1:${port}`]) {
      const response = await anybody.exchange(anybody.build('OPTIONS', uri));
      expect(response.status).toBe(200);
      expect(response.values('allow')).toContain('PUBLISH');
      expect(response.get('accept')).toContain('application/pidf+xml');
    }
  });

  test('to a user is for its endpoints', async () => {
    const bob = await frontEnd.phone('bob', { transport: 'tcp' });
    await bob.register();
    const asked = alice.ask('OPTIONS', uriOf('bob'));
    bob.answer(await bob.next('OPTIONS'), 200, [['Allow', 'MESSAGE']]);
    expect((await asked).get('allow')).toBe('MESSAGE');
    await bob.register({ expires: 0 });
  });
});

describe('a nonce', () => {
  test('is good for several requests with rising counts, each once', async () => {
    const bob = await frontEnd.phone('bob');
    const uri = uriOf('nobody');
    const challenge = await bob.exchange(bob.build('MESSAGE', uri));
    const counted = (nc: number) => {
      const credentials = answer401(challenge, 'MESSAGE', uri, { username: 'bob', password: 'pw-bob' }, nc);
      return bob.exchange(bob.build('MESSAGE', uri, { headers: [credentials] }));
    };
    const statuses = [];
    for (const nc of [1, 2, 3, 2]) statuses.push((await counted(nc)).status);
    expect(statuses).toEqual([404, 404, 404, 407]);
  });
});

describe('an administrator', () => {
  test('sees where a user is signed in', async () => {
    const bob = await frontEnd.phone('bob');
    await bob.register({ headers: [['User-Agent', 'desk/2']] });
    const admin = createRpcClient(
      FrontendClient,
      `127.0.0.1:${frontEnd.started.rpc.port}`,
      'frontend',
      await frontEnd.lab.mtls('admin'),
    );
    const describeUser = (user: string) =>
      new Promise((resolve, reject) =>
        admin.describeUser({ user }, (error, reply) => (error ? reject(error) : resolve(reply))),
      );
    expect(await describeUser(uriOf('bob'))).toMatchObject({
      user: uriOf('bob'),
      endpoints: [{ contact: bob.contact, userAgent: 'desk/2', transport: 'udp', flow: '', expires: 600 }],
      servedBy: 'frontend-0',
      watchers: 0,
    });
    await expect(describeUser(uriOf('nobody'))).rejects.toThrow(/NOT_FOUND/);
    admin.close();
  });

  test('reads what happens from the metrics', async () => {
    const { port } = frontEnd.started.http;
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    const value = (name: string) => Number(new RegExp(`^${name}.* ([\\d.]+)$`, 'm').exec(text)?.[1]);
    expect(value('linchpin_frontend_registrations')).toBeGreaterThan(0);
    expect(value('linchpin_frontend_users')).toBeGreaterThan(0);
    expect(value('linchpin_frontend_responses_total\\{method="REGISTER",code="200"')).toBeGreaterThan(0);
    expect(value('linchpin_frontend_refusals_total\\{rule="unknown-method"')).toBe(1);
    expect(value('linchpin_frontend_state_write_seconds_count\\{.*stored="true"')).toBeGreaterThan(0);
  });
});
