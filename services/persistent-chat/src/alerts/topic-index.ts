// All topics of everybody, arranged so that a post finds those that it may match by looking up its words.
import type { PostEvent } from '@linchpin/proto/chat-events';
import { eachPiece, fold, keyOf } from './words.ts';

/** A topic as it is stored, with the words that PostgreSQL makes of it. */
export interface KnownTopic {
  owner: string;
  name: string;
  lexemes: readonly string[];
  author: string | undefined;
  mentionsMe: boolean;
  rooms: readonly string[] | undefined;
}

export type IndexedTopic = Readonly<KnownTopic>;

export interface TopicIndex {
  readonly size: number;
  add(topic: KnownTopic): void;
  removeAll(owner: string): void;
  /** All that match, but for what the words are: they may be parts of others there. Not those of the author. */
  match(post: PostEvent): readonly IndexedTopic[];
}

interface Indexed extends IndexedTopic {
  /** Folded. */
  readonly words: readonly string[];
  readonly only: ReadonlySet<string> | undefined;
  /** Where it is looked up. */
  readonly shelf: Shelf | undefined;
}

interface Shelf {
  shelves: Map<unknown, Set<Indexed>>;
  key: unknown;
}

const NONE: readonly Indexed[] = [];
/** Longer pieces are not said less often. */
const MOST_UNITS = 8;

export function createTopicIndex(): TopicIndex {
  const byOwner = new Map<string, Indexed[]>();
  const byWord = new Map<number, Set<Indexed>>();
  const byAuthor = new Map<string, Set<Indexed>>();
  /** By whom they belong to, who has to be mentioned. */
  const byMention = new Map<string, Set<Indexed>>();
  let size = 0;

  /** Fewer texts have a long piece than a short one; but where many topics are already, all of them are looked at each time. */
  const cost = (key: number, units: number): number =>
    ((byWord.get(key)?.size ?? 0) + 1) / 2 ** Math.min(units, MOST_UNITS);

  /** A topic is on one shelf only: that of what is rarest in it. */
  function shelfOf({ owner, author, mentionsMe }: KnownTopic, words: readonly string[]): Shelf | undefined {
    if (words.length > 0) return { shelves: byWord as Shelf['shelves'], key: keyOf(words, cost) };
    if (mentionsMe) return { shelves: byMention as Shelf['shelves'], key: owner };
    return author === undefined ? undefined : { shelves: byAuthor as Shelf['shelves'], key: author };
  }

  function remove(topic: Indexed): void {
    const { shelves, key } = topic.shelf ?? {};
    const shelf = shelves?.get(key);
    shelf?.delete(topic);
    if (shelf?.size === 0) shelves?.delete(key);
  }

  return {
    get size() {
      return size;
    },
    add(topic) {
      const words = topic.lexemes.map(fold);
      const shelf = shelfOf(topic, words);
      const made: Indexed = { ...topic, words, only: topic.rooms && new Set(topic.rooms), shelf };
      if (shelf) insert(shelf.shelves, shelf.key, made);
      const others = byOwner.get(topic.owner);
      if (others) others.push(made);
      else byOwner.set(topic.owner, [made]);
      size += 1;
    },
    removeAll(owner) {
      const topics = byOwner.get(owner) ?? NONE;
      for (const topic of topics) remove(topic);
      byOwner.delete(owner);
      size -= topics.length;
    },
    match(post) {
      if (size === 0) return NONE;
      let found: Set<Indexed> | undefined;
      const looked = new Set<ReadonlySet<Indexed>>();
      const said = post.subject === undefined ? post.body : `${post.subject} ${post.body}`;
      const text = fold(said);
      const look = (topics: ReadonlySet<Indexed> | undefined): void => {
        // What is said again is there already.
        if (topics === undefined || looked.has(topics)) return;
        looked.add(topics);
        for (const topic of topics) {
          if (!fits(topic, post, text)) continue;
          found ??= new Set();
          found.add(topic);
        }
      };
      if (byWord.size > 0) eachPiece(said, text, (key) => look(byWord.get(key)));
      look(byAuthor.get(post.by));
      for (const user of post.mentions) look(byMention.get(user));
      return found ? [...found] : NONE;
    },
  };
}

function insert<K>(shelves: Map<K, Set<Indexed>>, key: K, topic: Indexed): void {
  const shelf = shelves.get(key);
  if (shelf) shelf.add(topic);
  else shelves.set(key, new Set([topic]));
}

const fits = ({ owner, author, only, mentionsMe, words }: Indexed, post: PostEvent, text: string): boolean =>
  owner !== post.by &&
  (author === undefined || author === post.by) &&
  (only === undefined || only.has(post.scope)) &&
  (!mentionsMe || post.mentions.includes(owner)) &&
  words.every((word) => text.includes(word));
