// What the fabric relies on, asked of a real nats-server.
import type { NatsLink } from '@linchpin/host';
import { groupBucket } from '@linchpin/proto/subjects';
import { createLab, type Lab } from '@linchpin/testkit';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createGroupStream, type GroupStream, type StreamEntry } from '../src/fabric/group-stream.ts';
import { createRequests, type Requests } from '../src/fabric/requests.ts';
import { until } from './fabric-harness.ts';

let lab: Lab;
let link: NatsLink;
let requests: Requests;
let stream: GroupStream;
let bucket: string;
let made = 0;

beforeAll(async () => {
  lab = await createLab();
  link = await lab.natsLink('frontend');
  requests = createRequests(link);
});
afterAll(async () => {
  requests.close();
  await lab.close();
});
beforeEach(async () => {
  bucket = groupBucket(`pool-${++made}`, 7);
  stream = createGroupStream(link, requests, bucket, 1);
  await stream.create();
});

const outcomes = (appends: Promise<number>[]) =>
  Promise.all(appends.map((append) => append.catch((error: Error) => error.name)));

async function read(after = 0): Promise<{ entries: StreamEntry[]; stop(): void }> {
  const entries: StreamEntry[] = [];
  const feed = await stream.feed(after, (entry) => entries.push(entry));
  return { entries, stop: feed.stop };
}
const seen = (entries: StreamEntry[]) =>
  entries.map(({ key, text, sequence }) => `${key}=${text}@${sequence}`);

describe('an append', () => {
  test('goes to the end that its writer knows, or nowhere', async () => {
    expect(await outcomes([stream.append('a', '1', 0), stream.append('b', '1', 0)])).toEqual([
      1,
      'SequenceConflict',
    ]);
    expect(await outcomes([stream.append('b', '1', 5), stream.append('b', '1', 1)])).toEqual([
      'SequenceConflict',
      2,
    ]);
  });

  test('of several in advance is taken after one that was refused, when another has stepped in between', async () => {
    await stream.append('owner', 'one', 0);
    // Why a writer of ours waits for each answer: the second stands where its writer believes, in the successor's time.
    const [theirs, first, second] = [
      stream.append('owner', 'two', 1),
      stream.append('a', '1', 1),
      stream.append('b', '1', 2),
    ];
    expect(await outcomes([theirs, first, second])).toEqual([2, 'SequenceConflict', 3]);
  });
});

describe('the mark of a deletion', () => {
  test('goes, and what comes after it counts on', async () => {
    await stream.append('a', '1', 0);
    await stream.append('a', '', 1);
    await stream.dropMark('a', 2);
    expect(await stream.info()).toMatchObject({ last: 2, messages: 0 });
    expect(await outcomes([stream.append('a', '2', 0), stream.append('a', '2', 2)])).toEqual([
      'SequenceConflict',
      3,
    ]);
  });

  test('takes nothing newer with it', async () => {
    await stream.append('a', '', 0);
    await stream.append('a', 'new', 1);
    await stream.append('b', 'other', 2);
    await stream.dropMark('a', 1);
    const { entries, stop } = await read();
    await until(() => entries.length === 2);
    expect(seen(entries)).toEqual(['a=new@2', 'b=other@3']);
    stop();
  });
});

describe('a feed', () => {
  test('is everything in the order in which it was stored, then what comes', async () => {
    for (const [at, key] of ['a', 'b', 'c', 'a', 'b'].entries()) await stream.append(key, `${at}`, at);
    const [all, rest] = [await read(), await read(4)];
    await stream.append('c', '', 5);
    await until(() => all.entries.at(-1)?.sequence === 6 && rest.entries.at(-1)?.sequence === 6);
    expect(seen(all.entries)).toEqual(['c=2@3', 'a=3@4', 'b=4@5', 'c=@6']);
    expect(seen(rest.entries)).toEqual(['b=4@5', 'c=@6']);
    all.stop();
    rest.stop();
  });

  test('leaves nothing behind on the server', async () => {
    const { stop } = await read();
    stop();
    const connection = await link.connection();
    const consumers = async () => {
      const reply = await connection.request(`$JS.API.STREAM.INFO.KV_${bucket}`);
      return reply.json<{ state: { consumer_count: number } }>().state.consumer_count;
    };
    await expect.poll(consumers).toBe(0);
  });
});

test('a stream that is not there is no error', async () => {
  const missing = createGroupStream(link, requests, groupBucket('nowhere', 1), 1);
  expect([await missing.info(), await missing.owner()]).toEqual([undefined, undefined]);
});
