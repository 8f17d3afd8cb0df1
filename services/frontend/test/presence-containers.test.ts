import { describe, expect, test } from 'vitest';
import { mayRead } from '../src/presence/categories.ts';
import { containerFor, type Presentity } from '../src/presence/containers.ts';

type Containers = NonNullable<Presentity['spec']['containers']>;

const alice = (containers: Containers = [], privacyMode = false): Presentity => ({
  aor: 'sip:alice@contoso.lab',
  spec: { containers },
  presencePolicy: {
    privacyMode,
    maxSubscribers: 1000,
    maxPromptedSubscribers: 200,
    minSubscriptionExpires: 60,
    defaultSubscriptionExpires: 28800,
    maxSubscriptionExpires: 43200,
  },
});

const self = { aor: 'sip:alice@contoso.lab', sameEnterprise: true };
const bob = { aor: 'sip:bob@contoso.lab', sameEnterprise: true };
const eve = { aor: 'sip:eve@fabrikam.lab', sameEnterprise: false };

describe('containerFor()', () => {
  const rows: [name: string, watcher: typeof bob, containers: Containers, container: number][] = [
    ['self', self, [{ id: 32000, members: ['everyone', 'sip:alice@contoso.lab'] }], 1],
    ['same enterprise by default', bob, [], 200],
    ['federated by default', eve, [], 100],
    ['a listed user', bob, [{ id: 400, members: ['sip:bob@contoso.lab'] }], 400],
    ['a listed user, whatever the case', bob, [{ id: 400, members: ['sip:Bob@Contoso.lab'] }], 400],
    ['a blocked user', bob, [{ id: 32000, members: ['sip:bob@contoso.lab'] }], 32000],
    [
      'listed twice: the highest',
      bob,
      [
        { id: 32000, members: ['sip:bob@contoso.lab'] },
        { id: 400, members: ['sip:bob@contoso.lab'] },
      ],
      32000,
    ],
    [
      'user before domain',
      eve,
      [
        { id: 32000, members: ['domain:fabrikam.lab'] },
        { id: 300, members: ['sip:eve@fabrikam.lab'] },
      ],
      300,
    ],
    ['domain before network', bob, [{ id: 100, members: ['domain:contoso.lab'] }], 100],
    ['network before everyone', bob, [{ id: 32000, members: ['everyone'] }], 200],
    [
      'everyone, where the defaults were taken elsewhere',
      eve,
      [
        { id: 32000, members: ['everyone'] },
        { id: 100, members: ['federated'] },
      ],
      100,
    ],
    ['a default entry that the user moved', bob, [{ id: 100, members: ['sameEnterprise'] }], 100],
    [
      'a subdomain is another domain',
      { ...eve, aor: 'sip:eve@x.fabrikam.lab' },
      [{ id: 400, members: ['domain:fabrikam.lab'] }],
      100,
    ],
    [
      'nobody gets into the own containers',
      bob,
      [
        { id: 1, members: ['sip:bob@contoso.lab'] },
        { id: 3, members: ['everyone'] },
      ],
      200,
    ],
  ];
  test.each(rows)('%s', (_name, watcher, containers, container) => {
    expect(containerFor(watcher, alice(containers))).toBe(container);
  });

  test('everyone is asked when no entry of a network is left', () => {
    const containers = [
      { id: 3, members: ['federated'] },
      { id: 100, members: ['everyone'] },
    ];
    expect(containerFor(eve, alice(containers))).toBe(100);
    expect(containerFor(eve, alice([{ id: 3, members: ['federated'] }]))).toBe(0);
  });

  test('in privacy mode, default entries let nobody in', () => {
    expect(containerFor(bob, alice([], true))).toBe(32000);
    expect(containerFor(eve, alice([], true))).toBe(32000);
    expect(containerFor(self, alice([], true))).toBe(1);
    expect(containerFor(bob, alice([{ id: 300, members: ['sip:bob@contoso.lab'] }], true))).toBe(300);
    expect(containerFor(bob, alice([{ id: 200, members: ['sameEnterprise'] }], true))).toBe(200);
  });
});

describe('mayRead()', () => {
  test.each([
    [0, ['contactCard']],
    [1, ['contactCard', 'state', 'note', 'services', 'device']],
    [100, ['contactCard', 'state']],
    [200, ['contactCard', 'state', 'note']],
    [300, ['contactCard', 'state', 'note']],
    [400, ['contactCard', 'state', 'note']],
    [5000, ['contactCard']],
    [32000, ['contactCard', 'state']],
  ] as const)('in container %d: %j', (container, categories) => {
    const all = ['contactCard', 'state', 'note', 'services', 'device'] as const;
    expect(all.filter((category) => mayRead(container, category))).toEqual(categories);
  });
});
