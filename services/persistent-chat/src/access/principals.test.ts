import { expect, test } from 'vitest';
import { createPrincipals, type People } from './principals.ts';

const groups = new Map([['Sales', ['alice@contoso.lab', 'bob@contoso.lab']]]);

const people = (changes: Partial<People> = {}): People => ({
  configured: true,
  user: (aor) =>
    ({
      'sip:alice@contoso.lab': { spec: { enabled: true }, persistentChatPolicy: { enabled: true } },
      'sip:bob@contoso.lab': { spec: { enabled: true }, persistentChatPolicy: { enabled: false } },
      'sip:dora@contoso.lab': { spec: { enabled: false }, persistentChatPolicy: { enabled: true } },
    })[aor] as ReturnType<People['user']>,
  groupsOf: (user) => [...groups].filter(([, members]) => members.includes(user)).map(([name]) => name),
  group: (name) => groups.get(name),
  isLocalDomain: (domain) => domain === 'contoso.lab',
  ...changes,
});

test('a user is found as itself, by its domain and by its groups, and as the same list until that changes', () => {
  const principals = createPrincipals(people());
  const first = principals.of('alice@contoso.lab');
  expect(first).toEqual(['alice@contoso.lab', 'domain:contoso.lab', 'group:Sales']);
  expect(principals.of('alice@contoso.lab')).toBe(first);
  groups.set('Board', ['alice@contoso.lab']);
  expect(principals.of('alice@contoso.lab')).toEqual([...first, 'group:Board']);
});

test('only who is enabled for it may use it, and is told what is missing', () => {
  const principals = createPrincipals(people());
  const refused = (user: string) => {
    try {
      return principals.of(user);
    } catch (error) {
      return error;
    }
  };
  expect(refused('bob@contoso.lab')).toMatchObject({
    code: 'forbidden',
    message: expect.stringContaining('PersistentChatPolicy'),
  });
  expect(refused('dora@contoso.lab')).toMatchObject({
    code: 'forbidden',
    message: expect.stringContaining('disabled'),
  });
  expect(refused('eve@contoso.lab')).toMatchObject({ code: 'forbidden' });
  const early = createPrincipals(people({ configured: false }));
  expect(() => early.of('alice@contoso.lab')).toThrow('configuration');
});

test('principals are users, domains and groups that there are', () => {
  const { parse, problem } = createPrincipals(people());
  expect(parse(' Alice@Contoso.LAB ', 'members')).toBe('alice@contoso.lab');
  expect(parse('domain:CONTOSO.lab', 'members')).toBe('domain:contoso.lab');
  expect(parse('group:Sales', 'members')).toBe('group:Sales');
  for (const bad of [
    '',
    'alice',
    'group:',
    'group:a\nb',
    'domain:-',
    'sip:alice@contoso.lab',
    `${'a'.repeat(300)}@b`,
    "a' OR 1=1",
  ])
    expect(() => parse(bad, 'members')).toThrow(/^members: /);
  expect(problem('alice@contoso.lab')).toBeUndefined();
  expect(problem('zoe@contoso.lab')).toContain('no such user');
  expect(problem('domain:fabrikam.lab')).toContain('not a SIP domain');
  expect(problem('group:Nobody')).toContain('no such group');
});
