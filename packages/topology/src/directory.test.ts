import { describe, expect, it } from 'vitest';
import { createDirectory } from './directory.ts';
import type { DocumentChange } from './document.ts';
import { createDocumentSet } from './document-set.ts';
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
