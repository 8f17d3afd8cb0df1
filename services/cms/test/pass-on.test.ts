// Administrators ask Persistent Chat by way of CMS.
import { once } from 'node:events';
import { join } from 'node:path';
import { promisify } from 'node:util';
import {
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceError,
  type sendUnaryData,
  status,
} from '@grpc/grpc-js';
import { createLog, createRpcClient, hostConfig, type StartedRole, startRole } from '@linchpin/host';
import {
  Category,
  ChatClient,
  ChatService,
  type GetRoomRequest,
  type JoinEvent,
  type ListCategoriesReply,
  type ListCategoriesRequest,
  type Room,
} from '@linchpin/proto/chat/v1/chat';
import { ADMINISTRATOR } from '@linchpin/proto/on-behalf-of';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { createRig, type Rig } from './rig.ts';

const soon = { timeout: 10_000, interval: 20 };
/** More than a connection holds by itself. */
const EVENTS = 3000;

let rig: Rig;
let client: ChatClient;
let chat: StartedRole;
let cancelled = 0;

/** A pod of Persistent Chat that answers with who asked, and refuses rooms. */
async function startChat(): Promise<StartedRole> {
  const config = hostConfig.parse({
    name: 'persistent-chat-0',
    role: 'persistent-chat',
    dataDir: join(rig.lab.dir, 'persistent-chat'),
    rpc: { address: '127.0.0.1', port: 0 },
    http: { address: '127.0.0.1', port: 0 },
    tls: await rig.lab.tls('persistent-chat'),
  });
  const unimplemented = () => {
    throw { code: status.UNIMPLEMENTED, details: 'not in this test' };
  };
  const methods = {
    ...Object.fromEntries(Object.keys(ChatService).map((name) => [name, unimplemented])),
    listCategories(
      { metadata, request }: ServerUnaryCall<ListCategoriesRequest, ListCategoriesReply>,
      answer: sendUnaryData<ListCategoriesReply>,
    ) {
      const description = `for ${request.caller?.user}, asked by ${metadata.get(ADMINISTRATOR)}`;
      answer(null, { categories: [Category.create({ name: 'Trading', description })], next: '' });
    },
    getRoom() {
      throw { code: status.NOT_FOUND, details: 'there is no room “Straße”' };
    },
    join(call: ServerWritableStream<GetRoomRequest, JoinEvent>) {
      call.on('cancelled', () => cancelled++);
      for (let at = 0; at < EVENTS; at++)
        call.write({ what: { $case: 'events', value: { events: [String(at), 'x'.repeat(1000)] } } });
      if (call.request.room !== 'endless') call.end();
    },
  };
  return startRole({
    role: 'persistent-chat',
    version: '1',
    config,
    log: createLog({ role: 'persistent-chat', name: 'persistent-chat-0', level: 'silent' }),
    create: (_, host) => {
      host.rpc.addService(ChatService, methods as never, { allow: ['cms'] });
      return {
        start: async () => {},
        drain: async () => {},
        stop: async () => {},
        endpoints: () => [],
        configVersion: () => 0,
      };
    },
  });
}

const listCategories = (user = ''): Promise<ListCategoriesReply> =>
  promisify<ListCategoriesRequest, ListCategoriesReply>(client.listCategories.bind(client))({
    caller: { user },
    limit: 0,
    after: '',
  });

beforeAll(async () => {
  rig = await createRig();
  await rig.start();
  client = createRpcClient(ChatClient, `127.0.0.1:${rig.cms.rpc.port}`, 'cms', await rig.lab.mtls('admin'));
}, 60_000);
afterAll(async () => {
  client?.close();
  await chat?.stop();
  await rig?.close();
}, 30_000);

describe('CMS passes on what is asked of Persistent Chat', () => {
  test('and says where there is none', async () => {
    await vi.waitFor(async () => {
      await expect(listCategories()).rejects.toMatchObject({
        code: status.UNAVAILABLE,
        details: 'no pod of persistent-chat is there',
      });
    }, soon);
  });

  test('to a pod that answers, though another one cannot be reached, and says who asks', async () => {
    chat = await startChat();
    const role = 'persistent-chat';
    await rig.lab.announce({ role, pod: 'persistent-chat-0', address: `127.0.0.1:${chat.rpc.port}` });
    await rig.lab.announce({ role, pod: 'persistent-chat-1', address: '127.0.0.1:1' });
    await vi.waitFor(() => listCategories(), soon);
    for (let time = 0; time < 4; time++) {
      const { categories } = await listCategories('alice@contoso.lab');
      expect(categories[0]?.description).toBe('for alice@contoso.lab, asked by admin-0');
    }
  });

  test('with its own words where it refuses', async () => {
    const room = { caller: undefined, room: 'Straße' };
    const asked = promisify<GetRoomRequest, unknown>(client.getRoom.bind(client))(room);
    await expect(asked).rejects.toMatchObject({
      code: status.NOT_FOUND,
      details: 'there is no room “Straße”',
    });
    const created = promisify<object, Room>(client.createRoom.bind(client) as never)({});
    await expect(created).rejects.toMatchObject({ code: status.UNIMPLEMENTED });
  });

  test('a stream whole and in order, to its end or until nobody listens', async () => {
    const call = client.join({ caller: undefined, room: 'Trading' });
    const seen: string[] = [];
    for await (const { what } of call as AsyncIterable<JoinEvent>)
      seen.push(what?.$case === 'events' ? (what.value.events[0] ?? '') : '');
    expect(seen).toEqual(Array.from({ length: EVENTS }, (_, at) => String(at)));
    const endless = client.join({ caller: undefined, room: 'endless' });
    endless.on('error', () => {});
    await once(endless, 'data');
    const before = cancelled;
    endless.cancel();
    await vi.waitFor(() => expect(cancelled).toBe(before + 1), soon);
  });

  test('for administrators only', async () => {
    const { port } = rig.cms.rpc;
    const edge = createRpcClient(ChatClient, `127.0.0.1:${port}`, 'cms', await rig.lab.mtls('edge'));
    const refused = await new Promise<ServiceError | null>((resolve) =>
      edge.listCategories({ caller: undefined, limit: 0, after: '' }, (error) => resolve(error)),
    );
    edge.close();
    expect(refused?.code).toBe(status.PERMISSION_DENIED);
  });

  test('and says so when no pod is left', async () => {
    await chat.stop();
    await expect(listCategories()).rejects.toMatchObject({
      code: status.UNAVAILABLE,
      details: expect.stringMatching(/^no pod of persistent-chat can be reached: /),
    });
  });
});
