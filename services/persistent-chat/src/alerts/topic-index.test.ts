import type { PostEvent } from '@linchpin/proto/chat-events';
import { expect, test } from 'vitest';
import { createTopicIndex, type KnownTopic } from './topic-index.ts';

const [alice, bob, carol] = ['alice@contoso.lab', 'bob@contoso.lab', 'carol@contoso.lab'];

const topic = (name: string, more: Partial<KnownTopic> = {}): KnownTopic => ({
  ...{ owner: bob, name, lexemes: [], author: undefined, mentionsMe: false, rooms: undefined },
  ...more,
});
const post = (body: string, more: Partial<PostEvent> = {}): PostEvent => ({
  ...{ scope: 'room', seq: 1, at: '', by: alice, kind: 'post', clientId: '', body, mentions: [], files: [] },
  ...more,
});

function indexOf(...topics: KnownTopic[]) {
  const index = createTopicIndex();
  for (const each of topics) index.add(each);
  return { ...index, names: (of: PostEvent) => index.match(of).map(({ name }) => name) };
}

test('All words of a topic have to be there, in the title or in the text', () => {
  const { names } = indexOf(
    topic('both', { lexemes: ['gold', 'price'] }),
    topic('one', { lexemes: ['gold'] }),
  );
  expect(names(post('the price of GOLD'))).toEqual(['both', 'one']);
  expect(names(post('the price', { subject: 'Gold' })).sort()).toEqual(['both', 'one']);
  expect(names(post('gold, gold and gold'))).toEqual(['one']);
  expect(names(post('silver'))).toEqual([]);
});

test('An author, a mention and rooms have to fit as well', () => {
  const { names } = indexOf(
    topic('of carol', { author: carol }),
    topic('gold of carol', { lexemes: ['gold'], author: carol }),
    topic('about me', { mentionsMe: true }),
    topic('gold about me', { lexemes: ['gold'], mentionsMe: true }),
    topic('gold there', { lexemes: ['gold'], rooms: ['there'] }),
  );
  expect(names(post('gold'))).toEqual([]);
  expect(names(post('gold', { by: carol })).sort()).toEqual(['gold of carol', 'of carol']);
  expect(names(post('gold', { mentions: [bob] })).sort()).toEqual(['about me', 'gold about me']);
  expect(names(post('gold', { mentions: [carol] }))).toEqual([]);
  expect(names(post('gold', { scope: 'there' }))).toEqual(['gold there']);
});

test('Nobody has a topic that their own posts match', () => {
  const { names } = indexOf(topic('mine', { lexemes: ['gold'] }), topic('myself', { author: bob }));
  expect(names(post('gold', { by: bob, mentions: [bob] }))).toEqual([]);
});

test('A topic is looked at once for a post that says its word again and again', () => {
  const { match } = indexOf(topic('gold', { lexemes: ['gold'] }));
  let looked = 0;
  const repeated = {
    ...post('gold '.repeat(5_000)),
    get by() {
      looked++;
      return alice;
    },
  };
  expect(match(repeated)).toHaveLength(1);
  expect(looked).toBeLessThan(10);
});

test('What is removed matches no more, and others stay', () => {
  const index = indexOf(
    topic('a', { lexemes: ['gold'] }),
    topic('b', { mentionsMe: true }),
    topic('c', { author: alice }),
    topic('d', { owner: carol, lexemes: ['gold'] }),
  );
  const said = post('gold', { mentions: [bob] });
  expect(index.names(said).sort()).toEqual(['a', 'b', 'c', 'd']);
  index.removeAll(bob);
  index.removeAll('nobody@contoso.lab');
  expect(index.names(said)).toEqual(['d']);
});
