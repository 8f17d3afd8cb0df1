import { describe, expect, test } from 'vitest';
import { parseDocuments } from './document-file.ts';

const parse = (text: string) => parseDocuments(text, 'file.yaml');

describe('a file of documents', () => {
  test('may be YAML with several documents, in any case of the kind', () => {
    const text =
      'kind: user\nname: bob\nspec: { pool: frontend }\n---\nkind: PRESENCEPOLICIES\nname: global\nspec: {}\n---\n';
    expect(parse(text)).toEqual([
      { kind: 'User', name: 'bob', spec: { pool: 'frontend' } },
      { kind: 'PresencePolicy', name: 'global', spec: {} },
    ]);
  });

  test('may be JSON, one or a list', () => {
    const document = { kind: 'User', name: 'bob', version: 3, spec: {}, password: 'x' };
    expect(parse(JSON.stringify(document))).toEqual([document]);
    expect(parse(JSON.stringify([document, document]))).toEqual([document, document]);
  });

  test.each([
    ['kind: [', 'file.yaml: '],
    ['kind: *nobody', 'file.yaml: Unresolved alias'],
    ['just text', 'file.yaml, document 1: is not a document'],
    ['kind: User\nname: bob', 'file.yaml, document 1: spec must be a set of keys'],
    ['kind: User\nname: 7\nspec: {}', 'file.yaml, document 1: name must be text'],
    ['kind: User\nname: a\nspec: {}\npassword: 00123', 'file.yaml, document 1: password must be text'],
    ['kind: User\nname: a\nspec: {}\nversion: "3"', 'file.yaml, document 1: version must be a number'],
    [
      'kind: User\nname: a\nspec: {}\nversion: -1',
      'file.yaml, document 1: version must be a number as get shows',
    ],
    ['kind: Users\nname: a\nspec: {}\nsize: 1', 'file.yaml, document 1: unknown key size'],
    ['kind: Nothing\nname: a\nspec: {}', 'There is no kind "Nothing"; the kinds are User, Topology'],
  ])('%j: %s', (text, message) => {
    expect(() => parse(text)).toThrow(message);
  });
});
