import { createHash } from 'node:crypto';
import { status } from '@grpc/grpc-js';
import { DIRECTORY_BUCKET, documentKey } from '@linchpin/proto/subjects';
import { Kvm } from '@nats-io/kv';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { apply, create, createCaller, createRig, type Rig, remove, topology } from './rig.ts';

let rig: Rig;

beforeAll(async () => {
  rig = await createRig();
  await rig.start();
}, 60_000);
afterAll(() => rig.close(), 30_000);

const user = (name: string) => `${name}@contoso.lab`;
const spec = async (kind: string, name: string) =>
  JSON.parse((await rig.admin.get(kind, name)).documents[0]?.spec ?? 'null');

const refusal = (code: status, details: string) => ({ code, details: expect.stringContaining(details) });

describe('an empty database', () => {
  it('gets the global policies and configurations, and no topology', async () => {
    const { documents, version } = await rig.admin.get('RegistrarConfiguration');
    expect(version).toBe(1);
    expect(documents).toMatchObject([{ kind: 'RegistrarConfiguration', name: 'global', version: 1 }]);
    expect(await spec('PresencePolicy', 'global')).toMatchObject({ maxSubscribers: 1000 });
    expect(await spec('ExternalAccessPolicy', 'global')).toEqual({ outsideAccess: true });
    expect(await spec('AccessEdgeConfiguration', 'global')).toMatchObject({ allowOutsideUsers: true });
    expect((await rig.admin.get('Topology')).documents).toEqual([]);
  });

  it('takes users only after the topology', async () => {
    await expect(
      rig.admin.publish(create('User', user('alice'), { pool: 'frontend' })),
    ).rejects.toMatchObject(
      refusal(status.INVALID_ARGUMENT, 'there is no topology yet: publish Topology/global first'),
    );
    expect(await rig.admin.publish(create('Topology', 'global', topology))).toMatchObject({
      version: 2,
      outcomes: ['created'],
      pushed: true,
    });
  });
});

describe('publish', () => {
  it('creates, changes, leaves alone and deletes in one version', async () => {
    await rig.admin.publish(
      create('User', user('carol'), { pool: 'frontend' }),
      create('PresencePolicy', 'Old'),
    );
    const { version } = await rig.admin.publish(create('User', user('dave'), { pool: 'frontend' }));
    const reply = await rig.admin.publish(
      create('PresencePolicy', 'Private', { privacyMode: true }),
      apply('User', user('carol'), { pool: 'frontend', policies: { presence: 'Private' } }),
      apply('User', user('dave'), { pool: 'frontend' }),
      remove('PresencePolicy', 'Old'),
    );
    expect(reply).toEqual({
      version: version + 1,
      outcomes: ['created', 'changed', 'unchanged', 'deleted'],
      pushed: true,
    });
    expect((await rig.admin.get('User', user('dave'))).documents[0]?.version).toBe(version);
    expect((await rig.admin.get('User', user('carol'))).documents[0]?.version).toBe(version + 1);
  });

  it('makes no version when nothing changes', async () => {
    const { version } = await rig.admin.get('Topology');
    expect(await rig.admin.publish(apply('Topology', 'global', topology))).toEqual({
      version,
      outcomes: ['unchanged'],
      pushed: true,
    });
  });

  it('resets a global document when its spec is empty', async () => {
    await rig.admin.publish(apply('ExternalAccessPolicy', 'global', { outsideAccess: false }));
    expect(await spec('ExternalAccessPolicy', 'global')).toEqual({ outsideAccess: false });
    await rig.admin.publish(apply('ExternalAccessPolicy', 'global'));
    expect(await spec('ExternalAccessPolicy', 'global')).toEqual({ outsideAccess: true });
  });

  it('checks only, when asked for a dry run', async () => {
    const { version } = await rig.admin.get('User');
    expect(
      await rig.admin.dryRun(create('User', user('eve'), { pool: 'frontend' }), remove('User', user('dave'))),
    ).toMatchObject({ version, outcomes: ['created', 'deleted'] });
    await expect(rig.admin.get('User', user('eve'))).rejects.toMatchObject(
      refusal(status.NOT_FOUND, 'User/eve'),
    );
    await expect(rig.admin.dryRun(create('User', user('eve'), { pool: 'x' }))).rejects.toMatchObject(
      refusal(status.INVALID_ARGUMENT, 'there is no pool "x"'),
    );
  });

  it('keeps a record of who changed what', async () => {
    const { version } = await rig.admin.publish(
      create('User', user('frank'), { pool: 'frontend' }, { password: 'p' }),
    );
    const [row = {}] = await rig.sql('SELECT * FROM versions WHERE version = $1', [version]);
    expect(row).toMatchObject({
      who: 'admin-0',
      changes: [{ document: 'User/frank@contoso.lab', outcome: 'created', credential: 'changed' }],
    });
    expect(Math.abs(Date.now() - (row.at as Date).getTime())).toBeLessThan(10_000);
  });
});

describe('a refused publish changes nothing', () => {
  const pool = { name: 'fe', role: 'frontend', site: 'main' };

  it.each([
    [
      'names document and path',
      [
        create('Topology', 'global', {
          ...topology,
          pools: [{ ...pool, members: [{ name: 'a', address: 'b' }] }],
        }),
      ],
      'Topology/global: spec.pools[0].members[0].address: must be host:port',
    ],
    [
      'lists all problems',
      [create('User', user('x'), { pool: 1 }), create('PresencePolicy', 'p', { colour: 'red' })],
      'User/x@contoso.lab: spec.pool: Invalid input: expected string, received number; PresencePolicy/p: spec.colour: is not a known setting',
    ],
    [
      'a pool that is not there',
      [create('User', user('x'), { pool: 'p9' })],
      'spec.pool: there is no pool "p9"',
    ],
    ['a pool of another role', [create('User', user('x'), { pool: 'director' })], 'not frontend'],
    ['a foreign domain', [create('User', 'x@example.com', { pool: 'frontend' })], 'is not a SIP domain'],
    [
      'a policy that is not there',
      [create('User', user('x'), { pool: 'frontend', policies: { externalAccess: 'No' } })],
      'spec.policies.externalAccess: there is no ExternalAccessPolicy "No"',
    ],
    [
      'a policy that a user has',
      [remove('PresencePolicy', 'Private')],
      'User/carol@contoso.lab: spec.policies.presence: there is no PresencePolicy "Private"',
    ],
    [
      'a topology without the pool of users',
      [apply('Topology', 'global', { ...topology, pools: [] })],
      'User/carol@contoso.lab: spec.pool: there is no pool "frontend"',
    ],
    ['a scope that is not there', [create('PresencePolicy', 'site:x')], 'name: the topology has no site:x'],
    [
      'global documents stay',
      [remove('PresencePolicy', 'global')],
      'cannot be deleted; apply it with an empty spec',
    ],
    ['the topology stays', [remove('Topology', 'global')], 'Topology/global: cannot be deleted'],
    ['credentials are not written', [create('Credential', user('x'))], 'kind: must be one of Topology, '],
    [
      'a password for a policy',
      [apply('PresencePolicy', 'global', {}, { password: 's3' })],
      'password: is only for',
    ],
    [
      'one document twice',
      [apply('User', user('x'), { pool: 'frontend' }), remove('User', user('x'))],
      'twice',
    ],
    [
      'no action',
      [{ ...create('User', user('x')), action: 0 as never }],
      'action: must be create, apply or delete',
    ],
    ['no document', [{ ...create('User', 'x'), document: undefined }], 'changes[1]: document: is missing'],
    [
      'a spec that is not JSON',
      [
        {
          ...create('User', user('x')),
          document: { kind: 'User', name: user('x'), version: 0, spec: '{hunter2' },
        },
      ],
      'User/x@contoso.lab: spec: is not JSON',
    ],
  ])('%s', async (_what, changes, details) => {
    const before = await rig.sql('SELECT max(version) AS version FROM versions');
    const good = create('PresencePolicy', 'Good');
    await expect(rig.admin.publish(good, ...changes)).rejects.toMatchObject(
      refusal(status.INVALID_ARGUMENT, details),
    );
    expect(await rig.sql('SELECT max(version) AS version FROM versions')).toEqual(before);
    expect(rig.log()).not.toContain('hunter2');
  });

  it('what exists is not created, what does not is not deleted', async () => {
    await expect(rig.admin.publish(create('PresencePolicy', 'global'))).rejects.toMatchObject(
      refusal(status.ALREADY_EXISTS, 'PresencePolicy/global: exists already, since version 1'),
    );
    await expect(rig.admin.publish(remove('User', user('nobody')))).rejects.toMatchObject(
      refusal(status.NOT_FOUND, 'User/nobody@contoso.lab: there is no such document'),
    );
  });

  it('what has changed since it was read', async () => {
    const { version } = await rig.admin.publish(create('PresencePolicy', 'Contested'));
    const won = await rig.admin.publish(
      apply('PresencePolicy', 'Contested', { maxSubscribers: 1 }, { expected: version }),
    );
    await expect(
      rig.admin.publish(apply('PresencePolicy', 'Contested', { maxSubscribers: 2 }, { expected: version })),
    ).rejects.toMatchObject(
      refusal(status.ABORTED, `expected version ${version}, but version ${won.version} is current`),
    );
    expect((await spec('PresencePolicy', 'Contested')).maxSubscribers).toBe(1);
  });

  it('of many at the same time each gets a version of its own, and one wins', async () => {
    const { version } = await rig.admin.publish(apply('PresencePolicy', 'Contested'));
    const outcomes = await Promise.allSettled(
      [10, 11, 12, 13].map((maxSubscribers) =>
        rig.admin.publish(apply('PresencePolicy', 'Contested', { maxSubscribers }, { expected: version })),
      ),
    );
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    const replies = await Promise.all(
      [1, 2, 3, 4].map((at) => rig.admin.publish(create('User', user(`many${at}`), { pool: 'frontend' }))),
    );
    expect(new Set(replies.map(({ version }) => version)).size).toBe(4);
  });
});

describe('credentials', () => {
  const ha1 = (algorithm: string, username: string, password: string) =>
    createHash(algorithm).update(`${username}:contoso.lab:${password}`).digest('hex');

  const stored = async () => {
    const link = await rig.lab.natsLink('director');
    const kv = await new Kvm(await link.connection()).open(DIRECTORY_BUCKET);
    return (await kv.get(documentKey('Credential', user('alice'))))?.json<{
      spec: { digest: object } | null;
    }>().spec;
  };

  it('are derived from the password for both forms of the username', async () => {
    await rig.admin.publish(create('User', user('alice'), { pool: 'frontend' }, { password: 'Pa:ss wörd' }));
    const hashes = (username: string) => ({
      MD5: ha1('md5', username, 'Pa:ss wörd'),
      'SHA-256': ha1('sha256', username, 'Pa:ss wörd'),
      'SHA-512-256': ha1('sha512-256', username, 'Pa:ss wörd'),
    });
    expect((await stored())?.digest).toEqual({
      alice: hashes('alice'),
      [user('alice')]: hashes(user('alice')),
    });
  });

  it('stay when the user changes, change with the password, go with the user', async () => {
    const first = await stored();
    await rig.admin.publish(apply('User', user('alice'), { pool: 'frontend', displayName: 'Alice' }));
    expect(await stored()).toEqual(first);
    const same = apply(
      'User',
      user('alice'),
      { pool: 'frontend', displayName: 'Alice' },
      { password: 'Pa:ss wörd' },
    );
    expect((await rig.admin.publish(same)).outcomes).toEqual(['unchanged']);
    const other = apply(
      'User',
      user('alice'),
      { pool: 'frontend', displayName: 'Alice' },
      { password: 'secret-two' },
    );
    expect((await rig.admin.publish(other)).outcomes).toEqual(['changed']);
    expect(await stored()).not.toEqual(first);
    await rig.admin.publish(remove('User', user('alice')));
    expect(await stored()).toBeNull();
    expect(await rig.sql("SELECT digest FROM credentials WHERE name = 'alice@contoso.lab'")).toEqual([
      { digest: null },
    ]);
  });

  it('are never returned and never logged, nor are passwords', async () => {
    const password = 'correct-horse-battery';
    await rig.admin.publish(create('User', user('grace'), { pool: 'frontend' }, { password }));
    await expect(rig.admin.get('Credential', user('grace'))).rejects.toMatchObject(
      refusal(status.INVALID_ARGUMENT, 'kind: must be one of'),
    );
    // A statement that fails must not put the row it was about into the log.
    await rig.sql('ALTER TABLE credentials ADD CONSTRAINT nope CHECK (length(digest::text) < 5) NOT VALID');
    const failing = apply('User', user('grace'), { pool: 'frontend' }, { password: `${password}2` });
    await expect(rig.admin.publish(failing)).rejects.toMatchObject({ code: status.INTERNAL });
    await rig.sql('ALTER TABLE credentials DROP CONSTRAINT nope');

    const replies = JSON.stringify(await rig.admin.get('User'));
    const secrets = [
      password,
      ...['md5', 'sha256', 'sha512-256'].flatMap((algorithm) =>
        ['grace', user('grace')].flatMap((name) => [
          ha1(algorithm, name, password),
          ha1(algorithm, name, `${password}2`),
        ]),
      ),
    ];
    for (const secret of secrets) {
      expect(rig.log()).not.toContain(secret);
      expect(replies).not.toContain(secret);
    }
    const tables = JSON.stringify(
      await rig.sql('SELECT (SELECT json_agg(v) FROM versions v), (SELECT json_agg(p) FROM published p)'),
    );
    expect(tables).not.toContain(password);
    expect(rig.log()).toContain('violates check constraint');
  });
});

describe('get', () => {
  it('continues long lists', async () => {
    const containers = [
      { id: 100, members: Array.from({ length: 900 }, (_, at) => `sip:${'x'.repeat(200)}${at}@contoso.lab`) },
    ];
    const names = Array.from({ length: 25 }, (_, at) => user(`long${String(at).padStart(2, '0')}`));
    for (let at = 0; at < names.length; at += 5)
      await rig.admin.publish(
        ...names.slice(at, at + 5).map((name) => create('User', name, { pool: 'frontend', containers })),
      );
    const found: string[] = [];
    let calls = 0;
    for (let after = ''; calls === 0 || after !== ''; calls++) {
      const page = await rig.admin.get('User', '', after);
      found.push(...page.documents.map(({ name }) => name));
      after = page.next;
    }
    expect(calls).toBeGreaterThan(1);
    expect(found).toEqual([...new Set(found)].sort());
    expect(found).toEqual(expect.arrayContaining(names));
  });
});

describe('access', () => {
  it('is for administrators', async () => {
    const frontend = createCaller(rig.cms, await rig.lab.mtls('frontend'));
    await expect(frontend.get('Topology')).rejects.toMatchObject({ code: status.PERMISSION_DENIED });
    await expect(frontend.publish(remove('User', user('dave')))).rejects.toMatchObject({
      code: status.PERMISSION_DENIED,
    });
    frontend.close();
  });
});
