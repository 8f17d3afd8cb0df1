import { newCallId, newTag, type SipRequest } from '@linchpin/sip';
import { userDocuments } from '@linchpin/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type FrontEnd, startFrontEnd } from './front-end.ts';
import type { Asking, Phone } from './phone.ts';
import { document } from './presence-documents.ts';

let frontEnd: FrontEnd;

beforeAll(async () => {
  frontEnd = await startFrontEnd({ users: ['alice', 'bob', 'carol'] });
});
afterAll(() => frontEnd?.close());

const alice = 'sip:alice@contoso.lab';
const away = document({ activities: '<rpid:away/>' });
const busy = document({ activities: '<rpid:busy/>' });
const text = (notify: SipRequest) => Buffer.from(notify.body).toString();

function subscribe(watcher: Phone, asking: Asking = {}) {
  const headers: [string, string][] = [
    ['Event', 'presence'],
    ['Contact', `<${watcher.contact}>`],
    ['Expires', '600'],
  ];
  return watcher.ask('SUBSCRIBE', alice, { ...asking, headers });
}

function publish(phone: Phone, body: string, headers: [string, string][] = []) {
  const typed: [string, string][] = [
    ['Event', 'presence'],
    ['Content-Type', 'application/pidf+xml'],
  ];
  return phone.ask('PUBLISH', phone.aor, { headers: [...typed, ...headers], body });
}

async function told(watcher: Phone): Promise<SipRequest> {
  const notify = await watcher.next('NOTIFY');
  watcher.answer(notify, 200);
  return notify;
}

test('a watcher is told signing in, states, what an earlier process left, and signing out', async () => {
  const [desk, watcher] = [await frontEnd.phone('alice'), await frontEnd.phone('bob')];
  const accepted = await subscribe(watcher);
  expect([accepted.status, accepted.get('expires')]).toEqual([200, '600']);
  const first = await told(watcher);
  expect(text(first)).toContain('<basic>closed</basic>');
  expect(first.from.tag).toBe(accepted.to.tag);
  await desk.register();
  expect(text(await told(watcher))).toContain('<basic>open</basic>');
  const published = await publish(desk, busy);
  const before = await told(watcher);
  expect(text(before)).toContain('<rpid:busy/>');

  await frontEnd.restart();
  // It was published so short before that it is told once more.
  expect(text(await told(watcher))).toContain('<rpid:busy/>');
  const etag = published.get('sip-etag') ?? '';
  expect((await publish(desk, away, [['SIP-If-Match', etag]])).status).toBe(200);
  const after = await told(watcher);
  expect(text(after)).toContain('<rpid:away/>');
  expect([after.callId, after.from.tag]).toEqual([before.callId, before.from.tag]);
  expect(after.cseq.seq).toBeGreaterThan(before.cseq.seq);

  await desk.register({ expires: 0 });
  expect(text(await told(watcher))).toContain('<basic>closed</basic>');
});

test('a subscription is refreshed and ended in its dialog', async () => {
  const watcher = await frontEnd.phone('bob');
  const dialog = { callId: newCallId(), fromTag: newTag() };
  const accepted = await subscribe(watcher, dialog);
  await told(watcher);
  const inDialog = async (expires: string) => {
    const headers: [string, string][] = [
      ['Event', 'presence'],
      ['Contact', `<${watcher.contact}>`],
      ['Expires', expires],
    ];
    const target = accepted.contacts[0]?.uri ?? '';
    return watcher.ask('SUBSCRIBE', target, { ...dialog, to: alice, toTag: accepted.to.tag ?? '', headers });
  };
  expect((await inDialog('300')).get('expires')).toBe('300');
  expect((await told(watcher)).get('subscription-state')).toMatch(/^active;expires=(300|299)$/);
  expect((await inDialog('0')).status).toBe(200);
  expect((await told(watcher)).get('subscription-state')).toBe('terminated;reason=timeout');
  expect((await inDialog('300')).status).toBe(481);
});

test('blocking a watcher, and unblocking, is told at once', async () => {
  const [desk, blocked, other] = [
    await frontEnd.phone('alice'),
    await frontEnd.phone('bob'),
    await frontEnd.phone('carol'),
  ];
  const published = await publish(desk, busy);
  for (const watcher of [blocked, other]) {
    await subscribe(watcher);
    expect(text(await told(watcher))).toContain('<rpid:busy/>');
  }
  const withContainers = (containers: object[]) =>
    frontEnd.publish(userDocuments({ name: 'alice', password: 'pw-alice', spec: { containers } }));
  await withContainers([{ id: 32000, members: ['sip:bob@contoso.lab'] }]);
  const offline = text(await told(blocked));
  expect(offline).toContain('<basic>closed</basic>');
  await withContainers([]);
  expect(text(await told(blocked))).toContain('<rpid:busy/>');
  await publish(desk, '', [
    ['SIP-If-Match', published.get('sip-etag') ?? ''],
    ['Expires', '0'],
  ]);
  // What a blocked watcher saw is what everyone sees of who is offline.
  expect(text(await told(other))).toBe(offline);
});

test('nobody publishes for another, and each refusal says which rule it was', async () => {
  const bob = await frontEnd.phone('bob');
  const refused = await bob.ask('PUBLISH', alice, { headers: [['Event', 'presence']] });
  expect(refused.status).toBe(403);
  expect(refused.get('ms-diagnostics')).toMatch(/^\d+;reason=".+";source="frontend-0";id="[0-9a-f]+"$/);
  const unknown = await bob.ask('SUBSCRIBE', 'sip:nobody@contoso.lab', {
    headers: [
      ['Event', 'presence'],
      ['Contact', `<${bob.contact}>`],
    ],
  });
  expect(unknown.status).toBe(404);
  const event = await bob.ask('SUBSCRIBE', alice, {
    headers: [
      ['Event', 'dialog'],
      ['Contact', `<${bob.contact}>`],
    ],
  });
  expect([event.status, event.get('allow-events')]).toEqual([489, 'presence']);
});
