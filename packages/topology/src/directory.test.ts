import { describe, expect, it } from 'vitest';
import { createDirectory } from './directory.ts';
import type { DocumentChange } from './document.ts';
import { createDocumentSet } from './document-set.ts';
import type { Role } from './kinds/topology.ts';
import type { MemberRecord } from './members/member-record.ts';
import type { ChangeListener } from './replica.ts';
import { parseDocument } from './schema.ts';

const topology = {
  sipDomains: ['contoso.lab', 'fabrikam.lab'],
  sites: [{ name: 'main' }, { name: 'branch' }],
  pools: [
    { name: 'fe1', role: 'frontend', site: 'main', members: [{ name: 'fe1-0', address: 'a:1' }] },
    { name: 'fe2', role: 'frontend', site: 'branch', members: [{ name: 'fe2-0', address: 'b:1' }] },
    {
      name: 'edge',
      role: 'edge',
      site: 'main',
      nextHop: 'director',
      members: [{ name: 'edge-0', address: 'c:1' }],
    },
    { name: 'director', role: 'director', site: 'main', members: [] },
  ],
};

function createSource() {
  const documents = createDocumentSet();
  const listeners: ChangeListener[] = [];
  const publish = (...changed: [kind: string, name: string, spec: unknown][]) => {
    const changes = changed.map(([kind, name, spec]): DocumentChange => {
      const after = spec === null ? undefined : parseDocument(kind, name, spec, 1);
      const id = after ?? parseDocument(kind, name, { pool: 'gone' });
      return { kind: id.kind, name, before: documents.get(id.kind, name), after };
    });
    documents.apply(changes);
    for (const listener of listeners) listener(changes, 1);
  };
  const onChange = (listener: ChangeListener) => {
    listeners.push(listener);
    return () => {};
  };
  return { get: documents.get, list: documents.list, onChange, publish };
}

function contoso() {
  const source = createSource();
  const directory = createDirectory(source);
  source.publish(['Topology', 'global', topology], ['User', 'alice@contoso.lab', { pool: 'fe2' }]);
  return { ...source, directory, alice: () => directory.user('sip:alice@contoso.lab') };
}

describe('precedence', () => {
  it('takes the nearest scope as a whole: pool, then site, then global, then the built-in defaults', () => {
    const { publish, alice } = contoso();
    expect(alice()?.registrar.maxEndpointsPerUser).toBe(8);
    publish(['RegistrarConfiguration', 'global', { maxEndpointsPerUser: 1, minExpires: 100 }]);
    expect(alice()?.registrar).toMatchObject({ maxEndpointsPerUser: 1, minExpires: 100 });
    publish(['RegistrarConfiguration', 'site:branch', { maxEndpointsPerUser: 2 }]);
    expect(alice()?.registrar).toMatchObject({ maxEndpointsPerUser: 2, minExpires: 300 });
    publish(['RegistrarConfiguration', 'pool:fe2', { maxEndpointsPerUser: 3 }]);
    expect(alice()?.registrar.maxEndpointsPerUser).toBe(3);
  });

  it('prefers the policy given to the user', () => {
    const { publish, alice } = contoso();
    publish(
      ['PresencePolicy', 'site:branch', { maxSubscribers: 2 }],
      ['PresencePolicy', 'Private', { privacyMode: true }],
      ['ExternalAccessPolicy', 'None', { outsideAccess: false }],
    );
    expect(alice()?.presencePolicy).toMatchObject({ maxSubscribers: 2, privacyMode: false });
    publish([
      'User',
      'alice@contoso.lab',
      { pool: 'fe2', policies: { presence: 'Private', externalAccess: 'None' } },
    ]);
    expect(alice()?.presencePolicy).toMatchObject({ maxSubscribers: 1000, privacyMode: true });
    expect(alice()?.externalAccessPolicy.outsideAccess).toBe(false);
  });

  it('is asked for pools too', () => {
    const { publish, directory } = contoso();
    publish(
      ['AccessEdgeConfiguration', 'site:main', { allowOutsideUsers: false }],
      ['RegistrarConfiguration', 'pool:fe1', { maxExpires: 700 }],
    );
    expect(directory.accessEdge().allowOutsideUsers).toBe(true);
    expect(directory.accessEdge('edge').allowOutsideUsers).toBe(false);
    expect(directory.registrar('fe1').maxExpires).toBe(700);
  });
});

describe('user', () => {
  it('gives the same object until something about the user changes', () => {
    const { publish, alice } = contoso();
    const before = alice();
    expect(alice()).toBe(before);
    publish(['User', 'bob@contoso.lab', { pool: 'fe1' }]);
    expect(alice()).toBe(before);
    publish(['Credential', 'alice@contoso.lab', { digest: {} }]);
    expect(alice()).not.toBe(before);
    expect(alice()?.credential).toEqual({ digest: {} });
  });

  it('is gone after deletion, and unknown names and schemes are nobody', () => {
    const { publish, alice, directory } = contoso();
    expect(alice()).toBeDefined();
    publish(['User', 'alice@contoso.lab', null]);
    expect(alice()).toBeUndefined();
    expect(directory.user('sip:nobody@contoso.lab')).toBeUndefined();
    expect(directory.user('tel:+1')).toBeUndefined();
  });
});

describe('topology', () => {
  it('knows domains, pools and members', () => {
    const { directory } = contoso();
    expect(directory.domains()).toEqual(['contoso.lab', 'fabrikam.lab']);
    expect(directory.isLocalDomain('fabrikam.lab')).toBe(true);
    expect(directory.isLocalDomain('example.com')).toBe(false);
    expect(directory.poolOf('fe2-0')?.name).toBe('fe2');
    expect(directory.poolMembers('fe1')).toEqual([{ name: 'fe1-0', address: 'a:1' }]);
    expect(directory.poolMembers('frontend').map(({ name }) => name)).toEqual(['fe1-0', 'fe2-0']);
    expect(directory.poolMembers('mediation')).toEqual([]);
  });

  it('follows the topology', () => {
    const { directory, publish } = contoso();
    publish(['Topology', 'global', { ...topology, sipDomains: ['example.com'], pools: [] }]);
    expect(directory.isLocalDomain('contoso.lab')).toBe(false);
    expect(directory.poolMembers('edge')).toEqual([]);
  });

  it('is empty before the first version', () => {
    const directory = createDirectory(createSource());
    expect(directory.domains()).toEqual([]);
    expect(directory.user('sip:alice@contoso.lab')).toBeUndefined();
    expect(directory.accessEdge().allowOutsideUsers).toBe(true);
  });
});

/** Pods that announce themselves, as `role/pool/pod@address`. */
function createAnnounced() {
  let records: MemberRecord[] = [];
  let told = (): void => {};
  return {
    list: (role?: Role, pool?: string) =>
      records.filter(
        (record) => (role ?? record.role) === record.role && (pool ?? record.pool) === record.pool,
      ),
    get: (pod: string) => records.find((record) => record.pod === pod),
    onChange(listener: () => void) {
      told = listener;
      return () => {};
    },
    say(...texts: string[]) {
      records = texts.map((text) => {
        const [, role, pool = '', pod = '', address = ''] = /(.+)\/(.+)\/(.+)@(.+)/.exec(text) ?? [];
        const rest = { incarnation: '1', beat: 1, state: 'running', productVersion: '0' } as const;
        return { role: role as Role, pool, pod, address, ...rest };
      });
      told();
    },
  };
}

describe('members that announce themselves', () => {
  function withAnnounced() {
    const source = createSource();
    const announced = createAnnounced();
    const directory = createDirectory(source, announced);
    source.publish(['Topology', 'global', topology]);
    const names = (pool: string) =>
      directory.poolMembers(pool).map(({ name, address }) => `${name}@${address}`);
    return { ...announced, directory, names, publish: source.publish };
  }

  it('are added to those of the topology, and win', () => {
    const { say, names, directory } = withAnnounced();
    expect(names('fe1')).toEqual(['fe1-0@a:1']);
    say('frontend/fe1/fe1-1@d:1', 'frontend/fe1/fe1-0@e:1');
    expect(names('fe1')).toEqual(['fe1-0@e:1', 'fe1-1@d:1']);
    expect(directory.poolOf('fe1-1')).toEqual({ name: 'fe1', role: 'frontend' });
    say('frontend/fe2/fe1-0@e:1');
    expect(names('fe1')).toEqual([]);
    expect(names('fe2')).toEqual(['fe2-0@b:1', 'fe1-0@e:1']);
    say();
    expect(names('fe1')).toEqual(['fe1-0@a:1']);
  });

  it('are found by a pool that no topology knows, and by their role', () => {
    const { say, names, directory, publish } = withAnnounced();
    say('frontend/fe3/fe3-0@d:1', 'director/director/director-0@e:1');
    expect(names('fe3')).toEqual(['fe3-0@d:1']);
    expect(names('director')).toEqual(['director-0@e:1']);
    expect(directory.roleMembers('frontend').map(({ name }) => name)).toEqual(['fe1-0', 'fe2-0', 'fe3-0']);
    expect(directory.nextHop('edge')).toBe('director');
    publish(['Topology', 'global', { ...topology, pools: [] }]);
    expect(names('frontend')).toEqual(['fe3-0@d:1']);
  });

  it('cannot take a name that the topology gives to another role', () => {
    const { say, names, directory } = withAnnounced();
    say('edge/edge/fe1-0@evil:1', 'edge/fe1/edge-7@evil:2');
    expect(directory.poolOf('fe1-0')).toMatchObject({ name: 'fe1', role: 'frontend' });
    expect(names('fe1')).toEqual(['fe1-0@a:1']);
    expect(names('edge')).toEqual(['edge-0@c:1']);
  });

  it('are the same list until something changes', () => {
    const { say, directory } = withAnnounced();
    say('frontend/fe1/fe1-1@d:1');
    const list = directory.poolMembers('fe1');
    expect(directory.poolMembers('fe1')).toBe(list);
    say('frontend/fe1/fe1-1@d:1', 'frontend/fe1/fe1-2@d:2');
    expect(directory.poolMembers('fe1')).toHaveLength(3);
  });
});
