import { streamEvents } from '../event-schemas.ts';
import { route } from '../route.ts';
import { listInQuery, roomRef } from '../schemas.ts';

const tag = 'Events';
const streams = [
  {
    status: 200,
    type: 'text/event-stream',
    description: 'Events until either side ends it',
    events: streamEvents,
  },
];
const description = `Server-Sent Events; the data of each is JSON, by the name of the event as x-events says. \`joined\` comes first for each
room. With Last-Event-ID the posts that were missed come next. \`alert\` tells of posts in any room that
mention the caller or match one of its topics. There are more names in later versions: pass over what is not known.`;

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
    summary: 'The same for several rooms, or for none: then it only has alerts',
    description,
    query: { room: listInQuery(roomRef, 1, 500).optional() },
    streams,
    handle: ({ streams }, ask) => streams.open(ask, ask.query.room ?? []),
  }),
];
