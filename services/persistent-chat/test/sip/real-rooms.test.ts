// The SIP bridge on the real role: what rooms refuse, and what becomes of members whose rights change.
import type { Frame } from '@linchpin/proto/relay/v1/relay';
import { newBranch, newCallId, newTag, parseMessage, SipRequest, SipResponse } from '@linchpin/sip';
import {
  type Caller,
  callAs,
  createInbox,
  LAB_DOMAIN,
  type Neighbour,
  startNeighbour,
} from '@linchpin/testkit';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { address, createRig, type Rig } from '../rig.ts';

let rig: Rig;
let frontEnd: Neighbour;
let caller: Caller;
const told = createInbox<{ member: string; text: string }>();
const responses = createInbox<SipResponse>();
const admin = { name: 'root', admin: true } as const;
const POD = 'persistent-chat-0';
const uri = (room: string): string => `sip:room-${room}@${LAB_DOMAIN}`;

beforeAll(async () => {
  rig = await createRig({ limits: { maxMessageCharacters: 100, postsPerSecondPerUser: 5 } });
  const { lab } = rig;
  const mtls = await lab.mtls('frontend');
  caller = callAs(
    'frontend-0',
    mtls,
    'persistent-chat',
    `127.0.0.1:${rig.pods[0]?.started.rpc.port}`,
    ({ message }) => {
      const response = parseMessage(message);
      if (response instanceof SipResponse) responses.push(response);
    },
  );
  await caller.up;
  frontEnd = await startNeighbour({
    role: 'frontend',
    pod: 'frontend-0',
    mtls,
    allow: ['persistent-chat'],
    onAsked,
  });
  await lab.announce({ role: 'frontend', pod: 'frontend-0', address: frontEnd.address });
  await vi.waitFor(() => expect(frontEnd.callers.size).toBe(1), { timeout: 10_000 });
  await chat().createCategory(admin, { name: 'All', allowed: [`domain:${LAB_DOMAIN}`] });
});
afterAll(async () => {
  caller?.close();
  await frontEnd?.stop();
  await rig?.close();
});

const chat = () => (rig.pods[0] as Rig['pods'][number]).role.chat;

/** Everybody is signed in, and takes everything. */
function onAsked(frame: Frame): void {
  const request = parseMessage(frame.message) as SipRequest;
  told.push({ member: request.uri, text: Buffer.from(request.body).toString() });
  caller.send({ flow: frame.flow, message: SipResponse.to(request, 200).toBuffer() });
}

const heard = (user: string, text: string) =>
  told.next((one) => one.member === `sip:${address(user)}` && one.text === text, 10_000);

function ask(user: string, room: string, body: string): Promise<SipResponse> {
  const aor = `sip:${address(user)}`;
  const request = SipRequest.create(
    'MESSAGE',
    uri(room),
    [
      ['Via', `SIP/2.0/TLS frontend-0.${LAB_DOMAIN};branch=${newBranch()}`],
      ['Max-Forwards', '70'],
      ['From', `<${aor}>;tag=${newTag()}`],
      ['To', `<${uri(room)}>`],
      ['Call-ID', newCallId()],
      ['CSeq', '20 MESSAGE'],
      ['Content-Type', 'text/plain'],
    ],
    Buffer.from(body),
  );
  caller.send({ flow: `${POD}/by/${aor}`, identity: aor, message: request.toBuffer() });
  const { branch } = request.via;
  return responses.next(({ via, status }) => via.branch === branch && status >= 200, 10_000);
}

const outcome = async (user: string, room: string, body: string) => {
  const response = await ask(user, room, body);
  return [response.status, response.get('ms-diagnostics')?.split(';')[0]];
};

test('what a room refuses has an answer of its own', async () => {
  const members = [address('alice')];
  await chat().createRoom(admin, { name: 'Closed', category: 'All', members });
  await chat().createRoom(admin, { name: 'Secret', category: 'All', privacy: 'secret', members });
  await chat().createRoom(admin, { name: 'Stage', category: 'All', kind: 'auditorium', members });
  expect(await outcome('alice', 'closed', 'hi')).toEqual([202, undefined]);
  expect(await outcome('alice', 'closed', 'x'.repeat(101))).toEqual([413, '1124']);
  expect(await outcome('alice', 'stage', 'hi')).toEqual([403, '1122']);
  expect(await outcome('bob', 'closed', 'hi')).toEqual([403, '1122']);
  expect(await outcome('bob', 'secret', 'hi')).toEqual([404, '1121']);
  expect(await outcome('bob', 'nowhere', 'hi')).toEqual([404, '1121']);
  await chat().setDisabled(admin, 'Closed', true);
  expect((await ask('alice', 'closed', 'hi')).status).toBe(403);
});

test('who posts too fast is told when to come again', async () => {
  await chat().createRoom(admin, { name: 'Flood', category: 'All', members: [address('carol')] });
  const answers = await Promise.all(Array.from({ length: 30 }, (_, n) => ask('carol', 'flood', `${n}`)));
  const refused = answers.filter(({ status }) => status === 480);
  expect(refused.length).toBeGreaterThan(0);
  expect(answers.every(({ status }) => status === 202 || status === 480)).toBe(true);
  expect(Number(refused[0]?.get('retry-after'))).toBeGreaterThan(0);
});

test('a category that wants compliance takes nothing while it is away', async () => {
  await chat().createCategory(admin, {
    name: 'Regulated',
    allowed: [`domain:${LAB_DOMAIN}`],
    complianceRequired: true,
  });
  const { id } = await chat().createRoom(admin, {
    name: 'Desk',
    category: 'Regulated',
    members: [address('alice')],
  });
  expect((await ask('alice', 'desk', 'hi')).status).toBe(202);
  await rig.sql('ALTER DATABASE mgccomp ALLOW_CONNECTIONS false');
  await rig.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'mgccomp'");
  await vi.waitFor(
    async () => {
      const response = await ask('alice', 'desk', 'hi');
      expect([response.status, response.get('ms-diagnostics')?.split(';')[0]]).toEqual([503, '1126']);
      expect(Number(response.get('retry-after'))).toBeGreaterThan(0);
    },
    { timeout: 30_000, interval: 500 },
  );
  await rig.sql('ALTER DATABASE mgccomp ALLOW_CONNECTIONS true');
  await vi.waitFor(async () => expect((await ask('alice', 'desk', 'again')).status).toBe(202), {
    timeout: 30_000,
    interval: 500,
  });
  expect(id).toBeTruthy();
});

test('members are told what others post, and are participants; who is removed is told so and nothing more', async () => {
  const members = [address('alice'), address('bob')];
  const { id } = await chat().createRoom(admin, { name: 'Team', category: 'All', members });
  expect((await ask('bob', 'team', '/join')).status).toBe(200);
  await heard('bob', 'You are in Team and get what others post. /help tells what else there is.');
  const post = (body: string) => chat().post({ name: address('alice') }, id, { clientId: body, body });
  await post('one');
  await heard('bob', 'alice: one');
  expect((await ask('alice', 'team', '/who')).status).toBe(200);
  await heard('alice', 'In Team: you, bob');
  await chat().changeAccess(admin, id, { remove: { members: [address('bob')] } });
  await heard('bob', 'You are not in this room any more: removed');
  await post('two');
  expect((await ask('bob', 'team', '/join')).status).toBe(403);
  expect(await rig.sql('SELECT FROM sip_members WHERE room = $1', [id])).toHaveLength(0);
  expect(told.items.some(({ member, text }) => member.includes('bob') && text.includes('two'))).toBe(false);
});

test('a disabled room says so to its members', async () => {
  const { id } = await chat().createRoom(admin, {
    name: 'Short',
    category: 'All',
    members: [address('bob')],
  });
  await ask('bob', 'short', '/join');
  await vi.waitFor(
    async () => expect(await rig.sql('SELECT FROM sip_members WHERE room = $1', [id])).toHaveLength(1),
    { timeout: 10_000 },
  );
  await chat().setDisabled(admin, id, true);
  await heard('bob', 'You are not in this room any more: disabled');
});

test('a room that was made gets its address, whoever made it, and keeps it when it is renamed', async () => {
  const { id } = await chat().createRoom(admin, {
    name: 'Früher so',
    category: 'All',
    members: [address('bob')],
  });
  await chat().changeRoom(admin, id, { name: 'Jetzt anders' });
  expect((await ask('bob', 'fruher-so', 'hi')).status).toBe(202);
  expect((await ask('bob', 'fruher-so', '/rooms anders')).status).toBe(200);
  await heard('bob', `Jetzt anders: ${uri('fruher-so')}`);
});
