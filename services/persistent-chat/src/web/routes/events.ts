import { route } from '../route.ts';
import { listInQuery, roomRef } from '../schemas.ts';

const tag = 'Events';
const streams = [{ status: 200, type: 'text/event-stream', description: 'Events until either side ends it' }];
const description = `Server-Sent Events; the data of each is JSON. \`joined\` comes first for each room, \`post\` is a Post, \`edit\`,
\`delete\`, \`reaction\`, \`join\`, \`part\`, \`upload\`, \`changed\` and \`purged\` tell what happened, \`roster\` who is there from now on, \`gap\` that posts were missed which
have to be asked for, \`ended\` that a room or the whole stream is over. With Last-Event-ID the posts that were missed come first.`;

export const eventRoutes = [
  route({
    operation: 'followRoom',
    method: 'GET',
    path: '/v1/rooms/{room}/events',
    tag,
    summary: 'Joins a room and tells what happens there',
    description,
    params: { room: roomRef },
    streams,
    handle: ({ streams }, ask) => streams.open(ask, [ask.params.room]),
  }),
  route({
    operation: 'followRooms',
    method: 'GET',
    path: '/v1/events',
    tag,
    summary: 'The same for several rooms',
    description,
    query: { room: listInQuery(roomRef, 1, 500) },
    streams,
    handle: ({ streams }, ask) => streams.open(ask, ask.query.room),
  }),
];
