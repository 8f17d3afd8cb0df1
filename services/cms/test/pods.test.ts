// What CMS knows of the other pods, and asks of them for an administrator.
import { once } from 'node:events';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type ServiceError, status } from '@grpc/grpc-js';
import { createLog, createRpcClient, hostConfig, type StartedRole, startRole } from '@linchpin/host';
import { CmsClient, type ListMembersReply, type ListMembersRequest } from '@linchpin/proto/cms/v1/cms';
import {
  DescribeUserReply,
  type DescribeUserRequest,
  FrontendService,
  type GetPoolReply,
  type GetPoolRequest,
} from '@linchpin/proto/frontend/v1/frontend';
import { type DrainProgress, DrainState } from '@linchpin/proto/pod/v1/pod';
import {
  createMembers,
  GROUPS,
  type GroupsRecord,
  groupOf,
  type Members,
  poolView,
} from '@linchpin/topology';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { create, createRig, type Rig, topology } from './rig.ts';

const ALICE = 'sip:alice@contoso.lab';
const soon = { timeout: 10_000, interval: 20 };

let rig: Rig;
let client: CmsClient;
let frontEnd: StartedRole;
let members: Members;

const all = Array.from({ length: GROUPS }, (_, group) => group);
const groups: GroupsRecord = {
  owned: all.map((group) => [group, 3]),
  warm: [],
  backupLag: 2,
  users: 1,
  registrations: 1,
};

/** A Front End that says what it is told to, and has one guest who stays as long as the test wants. */
let guests = 1;
async function startFrontEnd(): Promise<StartedRole> {
  const config = hostConfig.parse({
    name: 'frontend-0',
    role: 'frontend',
    dataDir: join(rig.lab.dir, 'frontend'),
    rpc: { address: '127.0.0.1', port: 0 },
    http: { address: '127.0.0.1', port: 0 },
    tls: await rig.lab.tls('frontend'),
  });
  return startRole({
    role: 'frontend',
    version: '1',
    config,
    log: createLog({ role: 'frontend', name: 'frontend-0', level: 'silent' }),
    create(_, host) {
      const pool = (): GetPoolReply => {
        const view = poolView('frontend', members.list('frontend'));
        for (const group of view.groups) group.lastSequence = 100 + group.group;
        for (const member of view.members) member.backupLag = 5;
        return view;
      };
      host.rpc.addService(
        FrontendService,
        {
          describeUser: (
            { request: { user } }: { request: DescribeUserRequest },
            answer: (e: null, r: DescribeUserReply) => void,
          ) => answer(null, DescribeUserReply.create({ user, servedBy: 'frontend-0', watchers: 7 })),
          getPool: (_: unknown, answer: (e: null, r: GetPoolReply) => void) => answer(null, pool()),
        },
        { allow: ['cms'] },
      );
      return {
        start: async () => {},
        async drain(draining) {
          draining.count(() => ({ guests }));
          await draining.idle();
        },
        stop: async () => {},
        endpoints: () => [],
        configVersion: () => 0,
      };
    },
  });
}

const listMembers = (): Promise<ListMembersReply> =>
  promisify<ListMembersRequest, ListMembersReply>(client.listMembers.bind(client))({ role: '', pool: '' });
const getPool = (pool: string): Promise<GetPoolReply> =>
  promisify<GetPoolRequest, GetPoolReply>(client.getPool.bind(client))({ pool });
const describeUser = (user: string): Promise<DescribeUserReply> =>
  promisify<DescribeUserRequest, DescribeUserReply>(client.describeUser.bind(client))({ user });

beforeAll(async () => {
  rig = await createRig();
  await rig.start();
  await rig.admin.publish(
    create('Topology', 'global', topology),
    create('User', 'alice@contoso.lab', { pool: 'frontend' }, { password: 'p' }),
  );
  client = createRpcClient(CmsClient, `127.0.0.1:${rig.cms.rpc.port}`, 'cms', await rig.lab.mtls('admin'));
  const nats = await rig.lab.natsLink('frontend');
  frontEnd = await startFrontEnd();
  members = createMembers({
    nats,
    self: {
      pod: 'frontend-0',
      role: 'frontend',
      pool: 'frontend',
      address: `127.0.0.1:${frontEnd.rpc.port}`,
      productVersion: '1',
    },
    log: createLog({ role: 'frontend', name: 'frontend-0', level: 'silent' }),
  });
  members.follow();
  await members.announce({ groups });
  await vi.waitFor(async () => {
    expect((await listMembers()).members.map(({ pod }) => pod)).toEqual(['cms-0', 'frontend-0']);
  }, soon);
}, 60_000);
afterAll(async () => {
  client?.close();
  await members?.stop();
  await frontEnd?.stop();
  await rig?.close();
}, 30_000);

describe('CMS', () => {
  test('knows who is there', async () => {
    const { members: found } = await listMembers();
    expect(found[1]).toEqual({
      pod: 'frontend-0',
      role: 'frontend',
      pool: 'frontend',
      address: `127.0.0.1:${frontEnd.rpc.port}`,
      state: 'running',
      productVersion: '1',
    });
  });

  test('describes a pool from what its members announce, and adds what they answer', async () => {
    const pool = await getPool('');
    expect(pool).toMatchObject({
      pool: 'frontend',
      quorum: '32 of 32 groups served; the pool has one member, nobody takes over when it fails',
    });
    expect(pool.groups[7]).toMatchObject({ owner: 'frontend-0', term: 3, lastSequence: 107 });
    expect(pool.members[0]).toMatchObject({ pod: 'frontend-0', groups: 32, backupLag: 5 });
    await expect(getPool('backend')).rejects.toMatchObject({
      code: status.NOT_FOUND,
      details: 'no Front End of pool backend is there; pools with Front Ends: frontend',
    });
  });

  test('asks the owner about a user', async () => {
    expect(await describeUser(ALICE)).toMatchObject({ servedBy: 'frontend-0', watchers: 7 });
    await expect(describeUser('sip:nobody@contoso.lab')).rejects.toMatchObject({
      code: status.NOT_FOUND,
      details: 'there is no user sip:nobody@contoso.lab',
    });
  });

  test('says of a pod that is not there which are', async () => {
    const [error] = (await once(client.drainPod({ pod: 'frontend-9' }), 'error')) as [ServiceError];
    expect(error).toMatchObject({
      code: status.NOT_FOUND,
      details: 'there is no pod frontend-9; the pods are: cms-0, frontend-0',
    });
  });

  test('passes on how a drain goes, to its end', async () => {
    const seen: DrainProgress[] = [];
    const call = client.drainPod({ pod: 'frontend-0' });
    call.on('data', (progress: DrainProgress) => seen.push(progress));
    await once(call, 'data');
    expect(seen[0]).toMatchObject({ state: DrainState.DRAINING, remaining: { guests: 1 }, joined: false });
    guests = 0;
    await once(call, 'end');
    expect(seen.at(-1)).toMatchObject({ state: DrainState.DONE, remaining: {} });
  });

  test('without an answer it still knows where a user is, and what the pool announces', async () => {
    await frontEnd.stop();
    expect(await describeUser(ALICE)).toMatchObject({
      servedBy: '',
      group: groupOf(ALICE),
      owner: 'frontend-0',
      term: 3,
      why: expect.stringContaining('frontend-0 is first for it'),
    });
    expect((await getPool('frontend')).groups[0]).toMatchObject({ owner: 'frontend-0', lastSequence: 0 });
    const [error] = (await once(client.drainPod({ pod: 'frontend-0' }), 'error')) as [ServiceError];
    expect(error.code).toBe(status.UNAVAILABLE);
    expect(error.details).toMatch(/^frontend-0 at 127\.0\.0\.1:\d+ cannot be reached: /);
  });

  test('while NATS is away nobody knows who is there', async () => {
    await rig.lab.stopNats();
    await vi.waitFor(async () => {
      await expect(listMembers()).rejects.toMatchObject({
        code: status.UNAVAILABLE,
        details: 'NATS is away: which pods are there is not known',
      });
    }, soon);
  });
});
