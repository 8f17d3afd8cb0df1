import { expect, test } from 'vitest';
import { incoming } from './fakes.ts';
import { isMerged } from './merged-request.ts';
import { statelessTag } from './stateless-tag.ts';

test('a request that came over two ways is merged', () => {
  const served = incoming('MESSAGE');
  expect(isMerged(incoming('MESSAGE', { branch: 'z9hG4bK-2' }), [served])).toBe(true);
});

test('a retransmission, another request and one within a dialog are not merged', () => {
  const served = incoming('MESSAGE');
  expect(isMerged(served, [served])).toBe(false);
  expect(isMerged(incoming('MESSAGE'), [served])).toBe(false);
  expect(isMerged(incoming('MESSAGE', { branch: 'z9hG4bK-2', seq: 2 }), [served])).toBe(false);
  expect(isMerged(incoming('MESSAGE', { branch: 'z9hG4bK-2', toTag: 'b' }), [served])).toBe(false);
});

test('copies of a request get the same tag, others another', () => {
  expect(statelessTag(incoming('OPTIONS'))).toBe(statelessTag(incoming('OPTIONS')));
  expect(statelessTag(incoming('OPTIONS', { seq: 2 }))).not.toBe(statelessTag(incoming('OPTIONS')));
});
