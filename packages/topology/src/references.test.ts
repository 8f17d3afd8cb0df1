import { describe, expect, it } from 'vitest';
import type { Document } from './document.ts';
import { createDocumentSet } from './document-set.ts';
import { deletionProblem, scopeProblems, userProblems } from './references.ts';
import { parseDocument } from './schema.ts';

const topology = {
  sipDomains: ['contoso.lab'],
  sites: [{ name: 'main' }],
  pools: [
    { name: 'fe', role: 'frontend', site: 'main', members: [] },
    { name: 'edge', role: 'edge', site: 'main', members: [] },
  ],
};

function settings(...documents: [kind: string, name: string, spec: unknown][]) {
  const set = createDocumentSet();
  const parsed = documents.map(([kind, name, spec]) => parseDocument(kind, name, spec));
  set.apply(parsed.map((after) => ({ kind: after.kind, name: after.name, before: undefined, after })));
  return set;
}

const user = (spec: object, name = 'alice@contoso.lab') =>
  parseDocument('User', name, spec) as Document<'User'>;
const contoso = settings(['Topology', 'global', topology], ['PresencePolicy', 'Private', {}]);

describe('userProblems', () => {
  it('finds nothing wrong with a user whose pool, domain and policies exist', () => {
    expect(userProblems(user({ pool: 'fe', policies: { presence: 'Private' } }), contoso)).toEqual([]);
  });

  it.each([
    [user({ pool: 'nope' }), 'spec.pool', 'there is no pool "nope"'],
    [user({ pool: 'edge' }), 'spec.pool', 'pool "edge" is a pool of role edge, not frontend'],
    [user({ pool: 'fe' }, 'alice@example.com'), 'name', '"example.com" is not a SIP domain of the topology'],
    [
      user({ pool: 'fe', policies: { presence: 'X' } }),
      'spec.policies.presence',
      'there is no PresencePolicy "X"',
    ],
    [
      user({ pool: 'fe', policies: { externalAccess: 'Private' } }),
      'spec.policies.externalAccess',
      'there is no ExternalAccessPolicy "Private"',
    ],
  ])('finds %j', (subject, path, message) => {
    expect(userProblems(subject, contoso)).toEqual([{ document: `User/${subject.name}`, path, message }]);
  });

  it('asks for a topology first', () => {
    expect(userProblems(user({ pool: 'fe' }), settings())[0]?.message).toContain('there is no topology yet');
  });
});

describe('scopeProblems', () => {
  it('finds scopes that the topology does not have', () => {
    const documents = settings(
      ['Topology', 'global', topology],
      ['RegistrarConfiguration', 'pool:fe', {}],
      ['RegistrarConfiguration', 'pool:gone', {}],
      ['PresencePolicy', 'site:gone', {}],
      ['PresencePolicy', 'Private', {}],
    );
    expect(scopeProblems(documents).map(({ document, message }) => `${document} ${message}`)).toEqual([
      'RegistrarConfiguration/pool:gone the topology has no pool:gone',
      'PresencePolicy/site:gone the topology has no site:gone',
    ]);
  });
});

describe('deletionProblem', () => {
  it('keeps global documents', () => {
    expect(deletionProblem('PresencePolicy', 'global')?.message).toContain('to reset it');
    expect(deletionProblem('Topology', 'global')?.message).toBe('cannot be deleted');
    expect(deletionProblem('PresencePolicy', 'Private')).toBeUndefined();
  });
});
