import { describe, expect, test } from 'vitest';
import { CliError, EXIT } from '../cli-error.ts';
import type { Cms, Document } from '../management/cms.ts';
import { patiently, publishRelease, type Release, withRelease } from './publish.ts';

const RELEASE: Release = {
  sipDomains: ['contoso.com'],
  site: 'main',
  pools: [
    { name: 'director', role: 'director' },
    { name: 'edge', role: 'edge', nextHop: 'director' },
  ],
  sampleUsers: [{ name: 'alice@contoso.com', displayName: 'Alice' }],
  patienceSeconds: 1,
};

describe('the topology of a release', () => {
  test('is made of its pools, without members', () => {
    expect(withRelease(undefined, RELEASE)).toEqual({
      sipDomains: ['contoso.com'],
      sites: [{ name: 'main' }],
      pools: [
        { name: 'director', role: 'director', site: 'main', members: [] },
        { name: 'edge', role: 'edge', nextHop: 'director', site: 'main', members: [] },
      ],
    });
  });

  test('leaves what administrators changed or added', () => {
    const edge = { name: 'edge', role: 'edge', site: 'north', nextHop: 'other', members: [] };
    const known = { sipDomains: ['fabrikam.com'], sites: [{ name: 'north' }], pools: [edge] };
    const { sipDomains, sites, pools } = withRelease(known, RELEASE);
    expect(sipDomains).toEqual(['fabrikam.com', 'contoso.com']);
    expect(sites).toEqual([{ name: 'north' }]);
    expect(pools).toEqual([edge, { name: 'director', role: 'director', site: 'north', members: [] }]);
  });
});

describe('publishing a release', () => {
  const cmsWith = (documents: Pick<Document, 'kind' | 'name' | 'spec'>[]) => {
    const published: string[] = [];
    const cms: Pick<Cms, 'get' | 'publish'> = {
      get: async (kind) =>
        documents
          .filter((document) => document.kind === kind)
          .map((document) => ({ ...document, version: 3 })),
      async publish(changes) {
        published.push(...changes.map(({ document, password }) => `${document?.name} ${password}`));
        return { version: 4, outcomes: [], pushed: true };
      },
    };
    return { cms: cms as Cms, published };
  };
  const password = async () => 'secret';

  test('creates the topology and the users that are missing', async () => {
    const { cms, published } = cmsWith([]);
    expect(await publishRelease(cms, RELEASE, password)).toEqual([
      'Topology/global',
      'User/alice@contoso.com',
    ]);
    expect(published).toEqual(['global ', 'alice@contoso.com secret']);
  });

  test('publishes nothing where all is there', async () => {
    const topology = { ...withRelease(undefined, RELEASE) };
    const { cms, published } = cmsWith([
      { kind: 'Topology', name: 'global', spec: topology },
      { kind: 'User', name: 'alice@contoso.com', spec: {} },
    ]);
    expect(await publishRelease(cms, RELEASE, password)).toEqual([]);
    expect(published).toEqual([]);
  });

  test('waits for a CMS that is away, but not after a refusal', async () => {
    const said: string[] = [];
    let attempts = 0;
    const away = () => Promise.reject(new CliError('CMS is not available', EXIT.notRunning));
    const answer = await patiently(
      10,
      (line) => said.push(line),
      () => (attempts++ === 0 ? away() : Promise.resolve('ok')),
    );
    expect(answer).toBe('ok');
    expect(said).toEqual(['waiting: CMS is not available']);
    await expect(
      patiently(
        10,
        () => {},
        () => Promise.reject(new CliError('no')),
      ),
    ).rejects.toThrow('no');
  });
});
