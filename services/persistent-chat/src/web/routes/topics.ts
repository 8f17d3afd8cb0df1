import { z } from 'zod';
import { route } from '../route.ts';
import { post, roomRef, text, time, wholeInQuery } from '../schemas.ts';

const tag = 'Topics';
const topicRef = text(1, 256).meta({ description: "The topic's name" });
const params = { topic: topicRef };

const spec = z
  .strictObject({
    words: text(1, 500).optional().meta({ description: 'All of them have to be in a post, as in a search' }),
    author: text(1, 320).optional(),
    mentionsMe: z.boolean().optional().meta({ description: 'Only what mentions the caller' }),
    rooms: z
      .array(roomRef)
      .min(1)
      .max(50)
      .optional()
      .meta({ description: 'Only these; without it all that the caller may read' }),
  })
  .meta({
    id: 'TopicSpec',
    description: 'Everything that is given has to hold; it needs words, author or mentionsMe',
  });

const topic = z
  .object({
    name: z.string(),
    words: z.string().optional(),
    author: z.string().optional(),
    mentionsMe: z.boolean(),
    rooms: z.array(z.uuid()).optional(),
  })
  .meta({ id: 'Topic' });

const found = z
  .object({
    posts: z.array(post),
    next: z
      .string()
      .optional()
      .meta({ description: '`after` of the next page, which may be empty; without it there is none' }),
  })
  .meta({ id: 'TopicPosts' });

export const topicRoutes = [
  route({
    operation: 'listTopics',
    method: 'GET',
    path: '/v1/topics',
    tag,
    summary: 'What the caller is alerted of, beside mentions',
    answer: z.object({ topics: z.array(topic) }),
    handle: async ({ chat }, { caller }) => ({ topics: await chat.topics(caller) }),
  }),
  route({
    operation: 'setTopic',
    method: 'PUT',
    path: '/v1/topics/{topic}',
    tag,
    summary: 'Makes a topic, or another one of it',
    description:
      'From then on the event streams of the caller tell of posts that match (`alert`), in any room that the caller may read.',
    params,
    body: spec,
    answer: topic,
    handle: ({ chat }, { caller, params, body }) => chat.setTopic(caller, params.topic, body),
  }),
  route({
    operation: 'deleteTopic',
    method: 'DELETE',
    path: '/v1/topics/{topic}',
    tag,
    summary: 'Deletes a topic',
    params,
    status: 204,
    handle: ({ chat }, { caller, params }) => chat.deleteTopic(caller, params.topic),
  }),
  route({
    operation: 'getTopicPosts',
    method: 'GET',
    path: '/v1/topics/{topic}/posts',
    tag,
    summary: 'Posts that match a topic, the newest first: what was missed while no stream was open',
    params,
    query: {
      since: time.optional(),
      after: text(1, 256).optional().meta({ description: '`next` of the page before' }),
      limit: wholeInQuery(1, 500).optional(),
    },
    answer: found,
    handle: ({ chat }, { caller, params, query }) => chat.topicPosts(caller, params.topic, query),
  }),
];
