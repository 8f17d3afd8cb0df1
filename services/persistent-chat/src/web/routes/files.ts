import { z } from 'zod';
import { sendFile } from '../download.ts';
import { route } from '../route.ts';
import { file, listInQuery, roomRef, text, wholeInQuery } from '../schemas.ts';
import { bytesOf } from '../upload.ts';

const tag = 'Files';
const params = { room: roomRef };
const whole = [
  { status: 200, type: 'application/octet-stream', description: 'The bytes; the type is that of the file' },
  { status: 206, type: 'application/octet-stream', description: 'The range that was asked for' },
];

export const fileRoutes = [
  route({
    operation: 'uploadFile',
    method: 'PUT',
    path: '/v1/rooms/{room}/files',
    tag,
    summary: 'Keeps a file; its id goes into posts',
    description: `The body is the file, of any type: what it is, its name and its bytes say. It is the caller's own until a post names it, and is removed
when none does in time. Refused with 429 where the caller or the room has taken too much lately, with 507 where there is no space.`,
    params,
    query: { name: text(1, 1024) },
    takesBytes: true,
    status: 201,
    answer: file,
    location: ({ room, id }) => `/v1/rooms/${room}/files/${id}`,
    handle: ({ files }, { caller, params, query, request, response }) =>
      files.upload(caller, params.room, { name: query.name, ...bytesOf(request, response) }),
  }),
  route({
    operation: 'listFiles',
    method: 'GET',
    path: '/v1/rooms/{room}/files',
    tag,
    summary: 'The files of a room, the newest first, or those of some ids',
    description: `Those of posts that can be read, and the caller's own that were not posted yet. Where no history is kept: those that were posted since
the caller joined the room, which it has to be in.`,
    params,
    query: {
      id: listInQuery(z.uuid(), 1, 100).optional(),
      before: z.uuid().optional().meta({ description: 'The last one of the page before' }),
      limit: wholeInQuery(1, 100).optional(),
    },
    answer: z.object({ files: z.array(file) }),
    handle: async ({ files }, { caller, params, query: { id, before, limit } }) => ({
      files: await files.list(caller, params.room, { ids: id, before, limit }),
    }),
  }),
  route({
    operation: 'downloadFile',
    method: 'GET',
    path: '/v1/rooms/{room}/files/{file}',
    tag,
    summary: 'The bytes of a file, or one range of them',
    params: { room: roomRef, file: z.uuid() },
    streams: whole,
    handle: async ({ files }, { caller, params, request, response }) =>
      sendFile(await files.open(caller, params.room, params.file), request, response),
  }),
];
