import { describe, expect, it } from 'vitest';
import { type Kind, TopologyError } from './document.ts';
import { completeDocument, defaultSpec, parseDocument, parseDocumentKey } from './schema.ts';

const topology = {
  sipDomains: ['contoso.lab'],
  sites: [{ name: 'main' }],
  pools: [
    {
      name: 'frontend',
      role: 'frontend',
      site: 'main',
      members: [{ name: 'frontend-0', address: '127.0.0.1:7040' }],
    },
    { name: 'director', role: 'director', site: 'main', members: [] },
    {
      name: 'edge',
      role: 'edge',
      site: 'main',
      nextHop: 'director',
      members: [{ name: 'edge-0', address: '[::1]:7030' }],
    },
  ],
};

const withPool = (pool: object) => ({ ...topology, pools: [pool] });
const frontend = { name: 'fe', role: 'frontend', site: 'main', members: [{ name: 'fe-0', address: 'fe:1' }] };

const accepted: [kind: string, name: string, spec: unknown][] = [
  ['Topology', 'global', topology],
  ['User', 'alice@contoso.lab', { pool: 'frontend' }],
  ['User', 'a.b_c+1-x@sub.contoso.lab', { pool: 'frontend', policies: { presence: 'Private People' } }],
  [
    'User',
    'alice@contoso.lab',
    {
      pool: 'frontend',
      containers: [{ id: 32000, members: ['sip:bob@contoso.lab', 'domain:evil.example', 'everyone'] }],
    },
  ],
  ['RegistrarConfiguration', 'global', {}],
  ['RegistrarConfiguration', 'site:main', { maxEndpointsPerUser: 64 }],
  ['RegistrarConfiguration', 'pool:frontend', { digestAlgorithms: ['SHA-512-256'] }],
  ['PresencePolicy', 'Executives 2', { privacyMode: true, maxSubscribers: 0 }],
  ['ExternalAccessPolicy', 'site:main', { outsideAccess: false }],
  ['AccessEdgeConfiguration', 'global', { allowOutsideUsers: false }],
];

const refused: [kind: string, name: string, spec: unknown, message: string][] = [
  ['Users', 'a@b', {}, 'Users/a@b: kind: must be one of Topology, '],
  [
    'User',
    'Alice@contoso.lab',
    { pool: 'p' },
    'User/Alice@contoso.lab: name: must be user@domain in lower case',
  ],
  ['User', 'a:b@contoso.lab', { pool: 'p' }, 'name: must be user@domain'],
  ['User', 'alice@contoso.lab', {}, 'User/alice@contoso.lab: spec.pool: is missing'],
  ['User', 'alice@contoso.lab', { pool: 'p', password: 'x' }, 'spec.password: is not a known setting'],
  [
    'User',
    'alice@contoso.lab',
    { pool: 'p', policies: { presence: 'global' } },
    'spec.policies.presence: must not be "global"',
  ],
  [
    'User',
    'alice@contoso.lab',
    { pool: 'p', containers: [{ id: 32768, members: [] }] },
    'spec.containers[0].id: ',
  ],
  [
    'User',
    'alice@contoso.lab',
    { pool: 'p', containers: [{ id: 1, members: ['alice'] }] },
    'spec.containers[0].members[0]: must be sip:',
  ],
  [
    'User',
    'alice@contoso.lab',
    {
      pool: 'p',
      containers: [
        { id: 1, members: [] },
        { id: 1, members: [] },
      ],
    },
    'spec.containers[1].id: is listed twice',
  ],
  [
    'User',
    'alice@contoso.lab',
    { pool: 'p', displayName: 'A\u0000' },
    'spec.displayName: must not hold control characters',
  ],
  [
    'User',
    'alice@contoso.lab',
    { pool: 'p', displayName: 'A\ud800' },
    'spec.displayName: must not hold control characters',
  ],
  ['Topology', 'main', topology, 'Topology/main: name: must be "global"'],
  ['Topology', 'global', 'text', 'Topology/global: spec: '],
  [
    'Topology',
    'global',
    { ...topology, sipDomains: ['Contoso.lab'] },
    'spec.sipDomains[0]: must be a domain name in lower case',
  ],
  ['Topology', 'global', { ...topology, sipDomains: [] }, 'spec.sipDomains: '],
  ['Topology', 'global', { ...topology, sipDomains: ['a.b', 'a.b'] }, 'spec.sipDomains[1]: is listed twice'],
  [
    'Topology',
    'global',
    withPool({ ...frontend, members: [frontend.members[0], { name: 'fe-1', adress: 'x' }] }),
    'spec.pools[0].members[1].address: is missing; Topology/global: spec.pools[0].members[1].adress: is not a known setting',
  ],
  [
    'Topology',
    'global',
    withPool({ ...frontend, members: [{ name: 'fe-0', address: 'fe:70000' }] }),
    'spec.pools[0].members[0].address: port must be 1 to 65535',
  ],
  [
    'Topology',
    'global',
    withPool({ ...frontend, members: [{ name: 'fe-0', address: 'nowhere' }] }),
    'spec.pools[0].members[0].address: must be host:port',
  ],
  [
    'Topology',
    'global',
    withPool({ ...frontend, site: 'branch' }),
    'spec.pools[0].site: there is no site "branch"',
  ],
  [
    'Topology',
    'global',
    withPool({ ...frontend, nextHop: 'x' }),
    'spec.pools[0].nextHop: there is no pool "x"',
  ],
  [
    'Topology',
    'global',
    withPool({ ...frontend, nextHop: 'fe' }),
    'spec.pools[0].nextHop: must be another pool',
  ],
  ['Topology', 'global', withPool({ ...frontend, role: 'front-end' }), 'spec.pools[0].role: '],
  [
    'Topology',
    'global',
    { ...topology, pools: [frontend, { ...frontend, name: 'fe2' }] },
    'spec.pools[1].members[0].name: is listed twice',
  ],
  ['RegistrarConfiguration', 'site:', {}, 'name: must be "global" or "site:<site>" or "pool:<pool>"'],
  ['RegistrarConfiguration', 'Gold', {}, 'name: must be "global" or'],
  ['RegistrarConfiguration', 'global', { maxEndpointsPerUser: 65 }, 'spec.maxEndpointsPerUser: '],
  ['RegistrarConfiguration', 'global', { maxUserCount: 1999 }, 'spec.maxUserCount: '],
  ['RegistrarConfiguration', 'global', { minExpires: 1.5 }, 'spec.minExpires: '],
  [
    'RegistrarConfiguration',
    'global',
    { minExpires: 700 },
    'spec.defaultExpires: must not be less than minExpires',
  ],
  ['RegistrarConfiguration', 'global', { digestAlgorithms: [] }, 'spec.digestAlgorithms: '],
  ['RegistrarConfiguration', 'global', { digestAlgorithms: ['SHA-1'] }, 'spec.digestAlgorithms[0]: '],
  [
    'RegistrarConfiguration',
    'global',
    { digestAlgorithms: ['MD5', 'MD5'] },
    'spec.digestAlgorithms: must not name an algorithm twice',
  ],
  ['PresencePolicy', 'pool:frontend', {}, 'name: must be "global" or "site:<site>" or a tag'],
  ['PresencePolicy', 'global', { maxSubscribers: 3001 }, 'spec.maxSubscribers: '],
  ['PresencePolicy', 'global', { maxPromptedSubscribers: 601 }, 'spec.maxPromptedSubscribers: '],
  [
    'PresencePolicy',
    'global',
    { maxSubscriptionExpires: 61 },
    'spec.maxSubscriptionExpires: must not be less than defaultSubscriptionExpires',
  ],
  ['ExternalAccessPolicy', 'global', { outsideAccess: 'yes' }, 'spec.outsideAccess: '],
];

describe('parseDocument', () => {
  it.each(accepted)('accepts %s/%s %j', (kind, name, spec) => {
    expect(parseDocument(kind, name, spec, 3)).toMatchObject({ kind, name, version: 3 });
  });

  it.each(refused)('refuses %s/%s %j', (kind, name, spec, message) => {
    expect(() => parseDocument(kind, name, spec)).toThrow(TopologyError);
    expect(() => parseDocument(kind, name, spec)).toThrow(message);
  });

  it('fills in the defaults', () => {
    expect(parseDocument('RegistrarConfiguration', 'global', { minExpires: 60 }).spec).toEqual({
      maxEndpointsPerUser: 8,
      maxUserCount: 12_000,
      minExpires: 60,
      defaultExpires: 600,
      maxExpires: 900,
      digestAlgorithms: ['MD5', 'SHA-256'],
    });
    expect(parseDocument('User', 'alice@contoso.lab', { pool: 'p' }).spec).toEqual({
      enabled: true,
      pool: 'p',
    });
  });

  it('never repeats what it was given in place of a setting', () => {
    const spec = { pool: 'p', enabled: 'hunter2' };
    expect(() => parseDocument('User', 'alice@contoso.lab', spec)).toThrow(/^(?!.*hunter2).*spec.enabled/);
  });
});

describe('completeDocument', () => {
  const complete = (kind: Kind, spec: object) =>
    completeDocument({ kind, name: 'global', version: 1, spec: spec as never }).spec;

  it('adds settings that came later', () => {
    expect(complete('PresencePolicy', { privacyMode: true })).toEqual({
      ...defaultSpec('PresencePolicy'),
      privacyMode: true,
    });
  });

  it('keeps settings of a newer release', () => {
    const spec = { maxExpires: 800, shadow: 1 };
    expect(complete('RegistrarConfiguration', spec)).toMatchObject({ ...spec, minExpires: 300 });
    expect(complete('User', { pool: 'p', voice: true })).toEqual({ pool: 'p', voice: true });
  });
});

describe('parseDocumentKey', () => {
  it('finds kind and name', () => {
    expect(parseDocumentKey('presencepolicy.Z2xvYmFs')).toEqual({ kind: 'PresencePolicy', name: 'global' });
  });

  it.each(['head', 'newkind.Z2xvYmFs'])('does not know %s', (key) => {
    expect(parseDocumentKey(key)).toBeUndefined();
  });
});
