import { describe, expect, test } from 'vitest';
import { accessOf, categorySpec, principal, roomSpec, roomSpecAndAccess } from './chat-settings.ts';

const DOMAIN = 'contoso.lab';

describe('who', () => {
  test.each([
    ['alice', 'alice@contoso.lab'],
    ['sip:Alice@contoso.com', 'alice@contoso.com'],
    ['domain:contoso.com', 'domain:contoso.com'],
    ['group:Sales', 'group:Sales'],
  ])('%s is %s', (typed, meant) => {
    expect(principal(typed, DOMAIN)).toBe(meant);
  });

  test.each(['', 'OU=Sales', 'a b', 'group:', '@contoso.com', 'cn:x'])('%j is nobody', (typed) => {
    expect(() => principal(typed, DOMAIN)).toThrow(/neither a user, nor domain:/);
  });

  test('has a role, in the singular or the plural', () => {
    expect(accessOf('member', ['a'])).toEqual({ members: ['a'], managers: [], presenters: [] });
    expect(accessOf('Presenters', ['a'])).toEqual({ members: [], managers: [], presenters: ['a'] });
    expect(() => accessOf('owner', ['a'])).toThrow('must be member, manager or presenter');
  });
});

describe('settings', () => {
  test('of a category: lists by commas or as JSON, what is not given is not set', () => {
    const spec = categorySpec(
      ['allowed=domain:contoso.com,bob', 'denied=["eve"]', 'retentionDays=30'],
      DOMAIN,
    );
    expect(spec).toEqual({
      allowed: { principals: ['domain:contoso.com', 'bob@contoso.lab'] },
      denied: { principals: ['eve@contoso.lab'] },
      retentionDays: 30,
    });
  });

  test('of a room come together with who is in it', () => {
    expect(
      roomSpecAndAccess(['category=Trading', 'privacy=open', 'members=bob,group:Sales'], DOMAIN),
    ).toEqual({
      spec: { category: 'Trading', privacy: 'open' },
      access: { members: ['bob@contoso.lab', 'group:Sales'], managers: [], presenters: [] },
    });
  });

  test.each([
    [() => roomSpec(['privacy=public'], DOMAIN), 'privacy: must be one of open, closed, secret'],
    [() => roomSpec(['disabled=maybe'], DOMAIN), 'disabled: must be true or false'],
    [() => roomSpec(['members=bob'], DOMAIN), 'There is no setting members'],
    [() => roomSpec(['__proto__=1'], DOMAIN), 'There is no setting __proto__'],
    [() => categorySpec(['retentionDays=-1'], DOMAIN), 'retentionDays: must be a number of days'],
    [() => categorySpec(['allowed'], DOMAIN), 'is not of the form setting=value'],
  ])('that are wrong are refused before anybody is asked (%#)', (read, message) => {
    expect(read).toThrow(message);
  });
});
