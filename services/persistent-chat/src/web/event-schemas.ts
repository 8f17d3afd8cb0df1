// What streams say, by the name of the event: the data of each is one of these.
import { z } from 'zod';
import { post, roomView } from './schemas.ts';

const number = () => z.int().min(0);

const happened = {
  room: z.uuid(),
  seq: number().meta({ description: "The event's own number in the room" }),
  at: z.string(),
  by: z.string(),
};
const ofPost = { ...happened, post: number().meta({ description: 'The number of the post' }) };

const participant = z.object({ name: z.string(), since: z.string() }).meta({ id: 'Participant' });
const roster = z.array(participant).optional().meta({ description: 'Not in rooms that are too full' });

export const streamEvents = {
  joined: z
    .object({
      room: roomView,
      roster,
      history: z
        .array(post)
        .optional()
        .meta({ description: 'The last posts; not where those that were missed follow' }),
    })
    .meta({ id: 'JoinedEvent' }),
  post,
  edit: z.object({ ...ofPost, subject: z.string().optional(), body: z.string() }).meta({ id: 'EditEvent' }),
  delete: z.object(ofPost).meta({ id: 'DeleteEvent' }),
  reaction: z
    .object({ ...ofPost, reaction: z.string(), set: z.boolean().meta({ description: 'False: taken back' }) })
    .meta({ id: 'ReactionEvent' }),
  join: z.object(happened).meta({ id: 'JoinEvent' }),
  part: z.object(happened).meta({ id: 'PartEvent' }),
  purged: z.object({ ...happened, posts: z.array(number()) }).meta({ id: 'PurgedEvent' }),
  changed: z
    .object({
      ...happened,
      what: z.enum(['room-changed', 'room-disabled', 'room-enabled', 'room-deleted', 'access-changed']),
      name: z.string(),
    })
    .meta({ id: 'ChangedEvent' }),
  roster: z.object({ room: z.uuid(), roster }).meta({ id: 'RosterEvent' }),
  alert: z
    .object({
      room: z.uuid(),
      roomName: z.string(),
      seq: number().meta({ description: 'The number of the post' }),
      by: z.string(),
      at: z.string(),
      subject: z.string().optional(),
      excerpt: z.string().meta({ description: 'The beginning of what it says' }),
      topics: z.array(z.string()).meta({ description: 'Names of topics of the reader that it matches' }),
      mentioned: z.boolean().meta({ description: 'It mentions the reader' }),
    })
    .meta({ id: 'AlertEvent', description: 'A post of any room that the reader may read; without an id' }),
  gap: z
    .object({
      room: z.uuid(),
      after: number(),
      until: number(),
      kept: z.boolean().meta({
        description: 'False: the category keeps no history, and what was missed cannot be had any more',
      }),
    })
    .meta({
      id: 'GapEvent',
      description:
        'What was posted after `after` and up to `until` was not told; where it is kept it can be asked for',
    }),
  ended: z
    .object({
      room: z.uuid().optional().meta({ description: 'Without it the whole stream is over' }),
      why: z.string().meta({
        description: 'removed, disabled, deleted; or lagging, moved, draining, token-expired: come back',
      }),
    })
    .meta({ id: 'EndedEvent' }),
};

export type StreamEventName = keyof typeof streamEvents;
