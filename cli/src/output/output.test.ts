import { describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { documentTable } from './documents.ts';
import { render } from './render.ts';
import { table } from './table.ts';
import { userDescription } from './user.ts';

const user = { kind: 'User', name: 'bob@contoso.lab', version: 4, spec: { enabled: true, pool: 'frontend' } };

describe('output', () => {
  test('nothing that a client sent steers the terminal', () => {
    expect(table(['USER AGENT'], [['evil\u001b[2J\nclient']])).toBe('USER AGENT\nevil\ufffd[2J\ufffdclient');
    expect(userDescription({ ...user, why: 'a\u009bb' })).toContain('unknown: a\ufffdb');
  });

  test('a table has columns as wide as needed and no trailing spaces', () => {
    expect(
      table(
        ['NAME', 'X'],
        [
          ['long name', ''],
          ['b', '22'],
        ],
      ),
    ).toBe('NAME        X\nlong name\nb           22');
  });

  test('JSON is what programs read', async () => {
    expect(JSON.parse(await render('json', [user], () => ''))).toEqual([user]);
  });

  test('a list in YAML is a stream that apply takes', async () => {
    const text = await render('yaml', [user, user], () => '');
    expect(parseAllDocuments(text).map((document) => document.toJS())).toEqual([user, user]);
  });

  test('users have columns of their own', () => {
    const other = {
      ...user,
      name: 'al@x',
      spec: { enabled: false, displayName: 'Al', pool: 'p', policies: { presence: 'A' } },
    };
    expect(documentTable([user, other]).split('\n')).toEqual([
      'NAME              DISPLAY NAME   ENABLED   POOL       POLICIES     VERSION',
      'bob@contoso.lab                  yes       frontend                4',
      'al@x              Al             no        p          presence=A   4',
    ]);
  });

  test('other documents show their settings', () => {
    const policy = {
      kind: 'PresencePolicy',
      name: 'global',
      version: 1,
      spec: { privacyMode: false, list: ['a'] },
    };
    expect(documentTable([policy])).toContain('global   1         privacyMode=false list=["a"]');
  });

  test('a described user shows presence in words, and why it is unknown', () => {
    const endpoint = {
      contact: 'sip:bob@192.0.2.1',
      userAgent: 'linphone',
      transport: 'tls',
      flow: 'edge-0/1',
      expires: 540,
      pod: 'edge-0',
    };
    const state = {
      endpoints: [endpoint],
      availability: 6500,
      activity: 'on-the-phone',
      note: '',
      watchers: 2,
      servedBy: 'frontend-0',
    };
    const place = {
      group: 7,
      pool: 'frontend',
      owner: 'frontend-0',
      term: 3,
      secondaries: ['frontend-1'],
      why: 'it is so',
    };
    const text = userDescription({ ...user, place, state });
    expect(text).toMatch(/group: +7\nowner: +frontend-0, term 3\nsecondaries: +frontend-1\nwhy: +it is so/);
    expect(text).toMatch(
      /relayed: +1 of 1 endpoints, because they are connected to edge-0 and frontend-0 serves the user/,
    );
    expect(text).toMatch(/presence: +busy \(6500\), on-the-phone/);
    expect(text).toMatch(/sip:bob@192.0.2.1 +tls +edge-0 +edge-0\/1 +540 s +linphone/);
    expect(userDescription({ ...user, why: 'no answer' })).toMatch(/state: +unknown: no answer/);
  });
});
