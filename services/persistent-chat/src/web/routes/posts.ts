import { z } from 'zod';
import { route } from '../route.ts';
import {
  editing,
  listInQuery,
  post,
  posting,
  posts,
  purging,
  roomRef,
  seq,
  text,
  time,
  truthInQuery,
  wholeInQuery,
} from '../schemas.ts';

const tag = 'Posts';
const params = { room: roomRef };
const ofPost = { room: roomRef, seq: seq() };
const reaction = { ...ofPost, reaction: text(1, 32) };

export const postRoutes = [
  route({
    operation: 'getPosts',
    method: 'GET',
    path: '/v1/rooms/{room}/posts',
    tag,
    summary: 'Posts in the order of their numbers; the newest where neither before nor after is given',
    params,
    query: { before: seq().optional(), after: seq().optional(), limit: wholeInQuery(1, 500).optional() },
    answer: posts,
    handle: async ({ chat }, { caller, params, query }) => ({
      posts: await chat.history(caller, params.room, query),
    }),
  }),
  route({
    operation: 'createPost',
    method: 'POST',
    path: '/v1/rooms/{room}/posts',
    tag,
    summary: 'Posts; once for each clientId',
    params,
    body: posting,
    status: 201,
    answer: post,
    location: ({ room, seq }) => `/v1/rooms/${room}/posts?before=${seq + 1}&limit=1`,
    handle: ({ chat }, { caller, params, body }) => chat.post(caller, params.room, body),
  }),
  route({
    operation: 'editPost',
    method: 'PATCH',
    path: '/v1/rooms/{room}/posts/{seq}',
    tag,
    summary: 'Says something else in the same place',
    params: ofPost,
    body: editing,
    answer: post,
    handle: ({ chat }, { caller, params, body }) => chat.edit(caller, params.room, params.seq, body),
  }),
  route({
    operation: 'deletePost',
    method: 'DELETE',
    path: '/v1/rooms/{room}/posts/{seq}',
    tag,
    summary: 'Takes a post back',
    params: ofPost,
    status: 204,
    handle: ({ chat }, { caller, params }) => chat.deletePost(caller, params.room, params.seq),
  }),
  route({
    operation: 'addReaction',
    method: 'PUT',
    path: '/v1/rooms/{room}/posts/{seq}/reactions/{reaction}',
    tag,
    summary: 'Reacts to a post',
    params: reaction,
    status: 204,
    handle: ({ chat }, { caller, params: { room, seq, reaction } }) =>
      chat.react(caller, room, seq, reaction, true),
  }),
  route({
    operation: 'removeReaction',
    method: 'DELETE',
    path: '/v1/rooms/{room}/posts/{seq}/reactions/{reaction}',
    tag,
    summary: 'Takes a reaction back',
    params: reaction,
    status: 204,
    handle: ({ chat }, { caller, params: { room, seq, reaction } }) =>
      chat.react(caller, room, seq, reaction, false),
  }),
  route({
    operation: 'markRead',
    method: 'PUT',
    path: '/v1/rooms/{room}/read',
    tag,
    summary: 'Says up to where the caller has read',
    params,
    body: z.strictObject({ seq: z.int().min(0) }),
    status: 204,
    handle: ({ chat }, { caller, params, body }) => chat.markRead(caller, params.room, body.seq),
  }),
  route({
    operation: 'searchPosts',
    method: 'GET',
    path: '/v1/search',
    tag,
    summary: 'Posts that the caller may read',
    query: {
      text: text(1, 1024).optional().meta({ description: 'All words have to be in it' }),
      room: listInQuery(roomRef, 1, 100).optional(),
      author: text(1, 320).optional(),
      from: time.optional(),
      to: time.optional(),
      mentionsMe: truthInQuery().optional(),
      limit: wholeInQuery(1, 10_000).optional(),
    },
    answer: posts,
    handle: async ({ chat }, { caller, query: { room, ...query } }) => ({
      posts: await chat.search(caller, { ...query, ...(room && { rooms: room }) }),
    }),
  }),
  route({
    operation: 'purgeRoom',
    method: 'POST',
    path: '/v1/rooms/{room}/purge',
    tag,
    summary: 'Deletes posts for good (administrators); a legal hold keeps them',
    asAdministrator: true,
    params,
    body: purging,
    answer: z.object({ posts: z.int().meta({ description: 'How many are gone' }) }),
    handle: async ({ chat }, { caller, params, body }) => ({
      posts: await chat.purge(caller, params.room, body),
    }),
  }),
];
