import { describe, expect, test } from 'vitest';
import { layoutOf } from '../installation/layout.ts';
import type { Settings } from '../installation/settings.ts';
import type { Cms } from '../management/cms.ts';
import { mergeTopology, publishTopology } from './topology.ts';

const settings: Settings = {
  formatVersion: 1,
  domain: 'contoso.lab',
  portOffset: 0,
  listen: '127.0.0.1',
  samples: false,
};
const layout = layoutOf(settings);

describe('the topology of one machine', () => {
  test('has a pool for each role', () => {
    const { sipDomains, pools } = mergeTopology(undefined, layout, settings);
    expect(sipDomains).toEqual(['contoso.lab']);
    expect(pools.map(({ name }) => name)).toEqual(['cms', 'director', 'edge', 'frontend', 'persistent-chat']);
    expect(pools.find(({ name }) => name === 'edge')).toEqual({
      name: 'edge',
      role: 'edge',
      site: 'main',
      nextHop: 'director',
      members: [{ name: 'edge-0', address: '127.0.0.1:7030' }],
    });
  });

  test('keeps what an administrator added, and follows the ports', () => {
    const before = mergeTopology(undefined, layout, settings);
    before.sipDomains.unshift('fabrikam.lab');
    before.sites.push({ name: 'branch' });
    before.pools.push({ name: 'far', role: 'frontend', site: 'branch', members: [] });
    const after = mergeTopology(before, layoutOf({ ...settings, portOffset: 100 }), settings);
    expect(after.sipDomains).toEqual(['fabrikam.lab', 'contoso.lab']);
    expect(after.sites).toEqual([{ name: 'main' }, { name: 'branch' }]);
    expect(after.pools.map(({ name }) => name)).toEqual([
      'cms',
      'director',
      'edge',
      'frontend',
      'persistent-chat',
      'far',
    ]);
    expect(after.pools[3]?.members).toEqual([{ name: 'frontend-0', address: '127.0.0.1:7140' }]);
  });

  test('is published only where it differs', async () => {
    const spec = { ...mergeTopology(undefined, layout, settings) };
    const published: unknown[] = [];
    const cms = {
      get: async () => [{ kind: 'Topology', name: 'global', version: 7, spec }],
      publish: async (changes: unknown[]) => void published.push(...changes),
    } as unknown as Cms;
    expect(await publishTopology(cms, layout, settings)).toBe(false);
    expect(await publishTopology(cms, layoutOf({ ...settings, portOffset: 1 }), settings)).toBe(true);
    expect(published).toEqual([expect.objectContaining({ expectedVersion: 7 })]);
  });
});
