// What SIP clients ask of rooms, and what they are answered.
import { deflateSync, gzipSync } from 'node:zlib';
import { Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { RelayClient } from '@linchpin/proto/relay/v1/relay';
import { fromWireText, type SipResponse } from '@linchpin/sip';
import { LAB_DOMAIN } from '@linchpin/testkit';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { ChatError, type ChatErrorCode } from '../../src/chat.ts';
import { address, createSipLab, roomUri, type SipLab } from './harness.ts';

let lab: SipLab;
let sales: string;
const SALES = roomUri('sales-eu');
const codeOf = (response: SipResponse): string | undefined => response.get('ms-diagnostics')?.split(';')[0];
const bodies = (room = sales): string[] => lab.fake.posts(room).map(({ body }) => body);
const post = (user: string, body: string, uri = SALES) => lab.ask(user, uri, { body });

beforeAll(async () => {
  lab = await createSipLab();
  sales = await lab.room('Sales EU', 'alice', 'bob');
  await lab.startPod('persistent-chat-0');
  await lab.startFrontEnd('frontend-0');
});
afterAll(() => lab?.close());
afterEach(() => {
  lab.fake.failure = undefined;
});

describe('a post', () => {
  test('is answered 202 once it is stored, in the name of who was proved', async () => {
    expect((await post('alice', 'good morning\r\nall')).status).toBe(202);
    expect(lab.fake.posts(sales).at(-1)).toMatchObject({ by: address('alice'), body: 'good morning\nall' });
  });

  test('that is sent again is stored once and answered alike', async () => {
    const asking = { body: 'only once', callId: 'the-same', cseq: 7 };
    const answers = [await lab.ask('alice', SALES, asking), await lab.ask('alice', SALES, asking)];
    expect(answers.map(({ status }) => status)).toEqual([202, 202]);
    expect(bodies().filter((body) => body === 'only once')).toHaveLength(1);
    expect((await lab.ask('alice', SALES, { ...asking, cseq: 8 })).status).toBe(202);
    expect(bodies().filter((body) => body === 'only once')).toHaveLength(2);
  });

  test('reaches the room by its name in any case, and by its id', async () => {
    for (const uri of [
      `sip:Room-SALES-EU@${LAB_DOMAIN}`,
      roomUri(sales),
      `${SALES};transport=tls`,
      `sips:room-sales-eu@${LAB_DOMAIN}`,
    ])
      expect((await post('bob', uri, uri)).status).toBe(202);
    expect(bodies()).toContain(roomUri(sales));
  });

  test('with a stroke first is posted where it is no command, or has two', async () => {
    await post('alice', '/etc/passwd is empty');
    await post('alice', '//join is a command');
    expect(bodies()).toContain('/etc/passwd is empty');
    expect(bodies()).toContain('/join is a command');
  });

  test.each([
    ['text/plain;charset=UTF-8', 'smörgåsbord', 'smörgåsbord'],
    ['text/plain; charset="us-ascii"', 'plain', 'plain'],
    ['TEXT/PLAIN; msgr=WAAtAE0ATQA', 'from Lync', 'from Lync'],
    [
      'message/cpim',
      'From: <sip:mallory@contoso.lab>\r\nTo: <sip:x@y>\r\n\r\nContent-Type: text/plain\r\n\r\nin CPIM\r\n\r\ntwo',
      'in CPIM\n\ntwo',
    ],
    ['message/cpim', 'From: <sip:a@b>\n\nContent-type: text/plain;charset=utf-8\n\nü', 'ü'],
  ])('as %s is understood', async (contentType, body, text) => {
    expect((await lab.ask('alice', SALES, { contentType, body })).status).toBe(202);
    expect(lab.fake.posts(sales).at(-1)).toMatchObject({ by: address('alice'), body: text });
  });

  test.each([
    ['application/im-iscomposing+xml', '<isComposing/>'],
    ['message/imdn+xml', '<imdn/>'],
    ['message/cpim', 'From: <sip:a@b>\r\n\r\nContent-Type: message/imdn+xml\r\n\r\n<imdn/>'],
  ])('notices that are not for people (%s) are accepted and not posted', async (contentType, body) => {
    const before = bodies().length;
    expect((await lab.ask('alice', SALES, { contentType, body })).status).toBe(200);
    expect(bodies()).toHaveLength(before);
  });

  test.each([
    ['deflate', deflateSync],
    ['gzip', gzipSync],
  ])('that is packed (%s) is unpacked, and refused when it is huge', async (encoding, pack) => {
    const headers: [string, string][] = [['Content-Encoding', encoding]];
    const packed = (text: string) => lab.ask('alice', SALES, { headers, body: pack(text) });
    expect((await packed(`from ${encoding}`)).status).toBe(202);
    expect(bodies().at(-1)).toBe(`from ${encoding}`);
    expect((await packed('x'.repeat(2_000_000))).status).toBe(413);
    expect((await lab.ask('alice', SALES, { headers, body: 'not packed' })).status).toBe(400);
    const notice = { headers, contentType: 'message/imdn+xml', body: pack('<imdn/>') };
    expect((await lab.ask('alice', SALES, notice)).status).toBe(200);
  });

  test.each([
    ['text/html', '<b>hi</b>', [], 415, '1127'],
    ['message/cpim', 'From: <sip:a@b>\r\n\r\nContent-Type: text/html\r\n\r\n<b>hi</b>', [], 415, '1127'],
    ['text/plain', 'x', [['Content-Encoding', 'br']], 415, '1127'],
    ['message/cpim', 'no CPIM', [], 400, '1120'],
    [
      'message/cpim',
      'a: b\r\n\r\nContent-Type: message/cpim\r\n\r\nc: d\r\n\r\nContent-Type: text/plain\r\n\r\nx',
      [],
      400,
      '1120',
    ],
    ['text/plain;charset=klingon', 'x', [], 400, '1120'],
    ['text/plain', 'x', [['Require', 'recipient-list-message']], 420, '1130'],
  ] as const)('as %s with %j is refused', async (contentType, body, headers, status, code) => {
    const before = bodies().length;
    const more = headers.map(([name, value]): [string, string] => [name, value]);
    const response = await lab.ask('alice', SALES, { contentType, body, headers: more });
    expect([response.status, codeOf(response), bodies().length]).toEqual([status, code, before]);
  });

  test.each([
    ['forbidden', 403, '1122', undefined],
    ['too-large', 413, '1124', undefined],
    ['invalid', 400, '1120', undefined],
    ['limit', 480, '1125', '9'],
    ['unavailable', 503, '1126', '9'],
  ] as [ChatErrorCode, number, string, string | undefined][])(
    'that is %s is refused with %i',
    async (kind, status, code, retryAfter) => {
      lab.fake.failure = new ChatError(kind, 'Sö nicht', 8.2);
      const response = await post('alice', 'never');
      expect([response.status, codeOf(response), response.get('retry-after')]).toEqual([
        status,
        code,
        retryAfter,
      ]);
      expect(fromWireText(response.reason)).toBe('Sö nicht');
      expect(fromWireText(response.get('ms-diagnostics') ?? '')).toContain('reason="Sö nicht"');
      expect(bodies()).not.toContain('never');
    },
  );

  test('to a room that there is not, or of somebody who may not, changes nothing', async () => {
    expect((await post('alice', 'hi', roomUri('nowhere'))).status).toBe(404);
    expect((await post('alice', 'hi', `sip:room-@${LAB_DOMAIN}`)).status).toBe(404);
    expect((await post('alice', 'hi', roomUri('00000000-0000-0000-0000-000000000000'))).status).toBe(404);
    expect((await post('carol', 'hi')).status).toBe(403);
    expect(await lab.sql('SELECT FROM sip_members WHERE member = $1', [address('carol')])).toHaveLength(0);
  });
});

describe('what a room does not do', () => {
  test.each([
    ['INVITE', 488, '1128'],
    ['SUBSCRIBE', 489, '1129'],
    ['PUBLISH', 405, '1130'],
    ['REFER', 405, '1130'],
    ['INFO', 405, '1130'],
  ])('%s is answered %i', async (method, status, code) => {
    const response = await lab.ask('alice', SALES, { method });
    expect([response.status, codeOf(response)]).toEqual([status, code]);
    if (status !== 489) expect(response.get('allow')).toBe('MESSAGE, OPTIONS');
  });

  test('there are no dialogs with it', async () => {
    for (const method of ['BYE', 'MESSAGE', 'INVITE', 'NOTIFY']) {
      const response = await lab.ask('alice', SALES, { method, toTag: 'x', body: 'hi' });
      expect([method, response.status]).toEqual([method, 481]);
    }
  });

  test('OPTIONS tells what it does, to those who may know of it', async () => {
    const response = await lab.ask('alice', SALES, { method: 'OPTIONS' });
    expect([response.status, response.get('accept')]).toEqual([200, 'text/plain, message/cpim']);
    expect((await lab.ask('carol', SALES, { method: 'OPTIONS' })).status).toBe(403);
    expect((await lab.ask('carol', roomUri('x'), { method: 'OPTIONS' })).status).toBe(404);
  });

  test('nobody but a Front End brings it anything', async () => {
    const mtls = await lab.lab.mtls('director');
    const { promise: refused, resolve } = Promise.withResolvers<number>();
    const client = new RelayClient(`127.0.0.1:${lab.port('persistent-chat-0')}`, mtls.client(), {
      'grpc.ssl_target_name_override': 'persistent-chat.linchpin.internal',
    });
    const metadata = new Metadata();
    metadata.set('linchpin-pod', 'director-0');
    client.connect(metadata).on('error', ({ code }: ServiceError) => resolve(code));
    expect(await refused).toBe(status.PERMISSION_DENIED);
    client.close();
  });
});

describe('commands', () => {
  let ops: string;
  const OPS = roomUri('operations');
  const command = async (user: string, body: string) => {
    const count = lab.toldTo(user).length;
    const { status } = await post(user, body, OPS);
    if (status !== 200) return `${status}`;
    await expect.poll(() => lab.toldTo(user).length).toBeGreaterThan(count);
    return lab.toldTo(user).at(-1) ?? '';
  };

  beforeAll(async () => {
    ops = await lab.room('Operations', 'alice', 'bob');
  });

  test('/join makes a member who has posted nothing, /part ends it, /who tells who is there', async () => {
    expect(await command('bob', '/join')).toMatch(/^You are in Operations/);
    expect(lab.fake.present(ops)).toEqual([address('bob')]);
    expect(await command('alice', '/who')).toBe('In Operations: you, Bob');
    expect(lab.fake.present(ops)).toEqual([address('bob')]);
    lab.fake.post(ops, address('alice'), 'for bob');
    await lab.heard('bob', 'Alice: for bob');
    expect(await command('bob', '/part')).toBe('You have left Operations.');
    expect(lab.fake.present(ops)).toEqual([]);
    expect(await command('bob', ' /PART ')).toBe('You are not in Operations.');
    expect(await lab.sql('SELECT FROM sip_members WHERE room = $1', [ops])).toHaveLength(0);
  });

  test('/history gives the last posts, /rooms the rooms with their addresses, /help what there is', async () => {
    for (const n of [1, 2, 3]) lab.fake.post(ops, address('alice'), `post ${n}`);
    const history = await command('bob', '/history 2');
    expect(history).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d Alice: post 2\n[\d: -]+Alice: post 3$/);
    expect((await command('bob', '/history all')).split('\n').length).toBeGreaterThan(3);
    expect((await command('bob', '/rooms')).split('\n').sort()).toEqual([
      `Operations: ${OPS}`,
      `Sales EU: ${SALES}`,
    ]);
    expect(await command('bob', '/rooms Sales')).toBe(`Sales EU: ${SALES}`);
    expect(await command('bob', '/help')).toContain('/history');
    expect(await command('bob', '/jion')).toContain('no such command');
    expect(bodies(ops).some((body) => body.startsWith('/'))).toBe(false);
  });

  test('are refused to who may not', async () => {
    for (const body of ['/join', '/who', '/history', '/help'])
      expect(await command('carol', body)).toBe('403');
    expect(await lab.sql('SELECT FROM sip_members WHERE member = $1', [address('carol')])).toHaveLength(0);
  });
});

describe('the address of a room', () => {
  const addressOf = async (room: string) =>
    (await lab.sql('SELECT address FROM sip_addresses WHERE room = $1', [room]))[0]?.address;

  test.each([
    ['Vertrieb Süd (EU)', 'vertrieb-sud-eu'],
    ['  Crème brûlée!  ', 'creme-brulee'],
    ['ＦＵＬＬ width', 'full-width'],
    [`${'long '.repeat(20)}`, `${'long-'.repeat(10)}`.slice(0, 48)],
    ['a'.repeat(100), 'a'.repeat(48)],
  ])('of %j can be typed', async (name, expected) => {
    expect(await addressOf(await lab.room(name))).toBe(expected);
  });

  test('is numbered where names look alike, and the id where there is nothing to make it of', async () => {
    const [first, second, third] = [
      await lab.room('R & D'),
      await lab.room('r-d'),
      await lab.room('経営会議'),
    ] as const;
    expect([await addressOf(first), await addressOf(second), await addressOf(third)]).toEqual([
      'r-d',
      'r-d-2',
      third,
    ]);
  });

  test('stays when the room is renamed, and goes with it', async () => {
    const room = await lab.room('Old name', 'alice');
    await lab.sql('UPDATE rooms SET name = $2 WHERE id = $1', [room, 'New name']);
    expect(await addressOf(room)).toBe('old-name');
    expect((await post('alice', 'still here', roomUri('old-name'))).status).toBe(202);
    expect((await post('alice', 'not here', roomUri('new-name'))).status).toBe(404);
    await lab.sql('DELETE FROM rooms WHERE id = $1', [room]);
    expect((await post('alice', 'gone', roomUri('old-name'))).status).toBe(404);
  });
});
