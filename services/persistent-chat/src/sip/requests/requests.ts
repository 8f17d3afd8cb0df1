import { createHash } from 'node:crypto';
import type { Logger } from '@linchpin/host';
import { type SipRequest, SipResponse } from '@linchpin/sip';
import { type Chat, ChatError } from '../../chat.ts';
import type { Database } from '../../database/database.ts';
import type { Asked } from '../link/relay.ts';
import type { Tellers } from '../members/tellers.ts';
import type { Tell } from '../outgoing.ts';
import { addressIn } from '../room-uri.ts';
import { type RoomAddress, roomOf } from '../store.ts';
import { ACCEPTED, textOf } from './body.ts';
import { type Command, commandIn, type Perform, withoutEscape } from './commands.ts';
import { refusalAnswer, SipRefusal } from './refusal.ts';

export interface RequestsParts {
  pod: string;
  chat: Pick<Chat, 'post' | 'room'>;
  database: Pick<Database, 'use'>;
  tellers: Pick<Tellers, 'add' | 'isBack'>;
  perform: Perform;
  tell: Tell;
  onAnswer(method: string, status: number): void;
  log: Logger;
}

type Handle = (asked: Asked) => Promise<SipResponse>;

const ALLOWED: [string, string] = ['Allow', 'MESSAGE, OPTIONS'];

/** What clients ask of rooms. Never rejects. */
export function createRequests(parts: RequestsParts): (asked: Asked) => Promise<void> {
  const { pod, chat, database, tellers, perform, tell, onAnswer, log } = parts;

  async function roomIn(request: SipRequest): Promise<RoomAddress> {
    const address = addressIn(request.parsedUri.user);
    const found = address && (await database.use((client) => roomOf(client, address)));
    if (!found) throw new ChatError('not-found', 'There is no such room');
    return found;
  }

  const handlers: Partial<Record<string, Handle>> = {
    async MESSAGE(asked) {
      const { request, identity } = asked;
      const text = textOf(request);
      if (text === undefined) return SipResponse.to(request, 200);
      const room = await roomIn(request);
      const member = memberOf(identity);
      tellers.isBack(member);
      const command = commandIn(text);
      if (command) return obey(command, member, room, request);
      return post(withoutEscape(text), member, room, request);
    },
    async OPTIONS({ request, identity }) {
      const { room } = await roomIn(request);
      await chat.room({ name: memberOf(identity) }, room);
      return SipResponse.to(request, 200, 'OK', { headers: [ALLOWED, ['Accept', ACCEPTED]] });
    },
    async INVITE() {
      throw new SipRefusal(488, 'A room has no calls: send it MESSAGE', 'no-session', [
        ['Warning', `304 ${pod} "Media type not available"`],
        ['Accept', ACCEPTED],
        ALLOWED,
      ]);
    },
    async SUBSCRIBE() {
      throw new SipRefusal(489, 'A room has no presence', 'event-package');
    },
  };

  /** RFC 3428 7: 202, for those who get it are told after this. The post itself is durable. */
  async function post(
    body: string,
    member: string,
    room: RoomAddress,
    request: SipRequest,
  ): Promise<SipResponse> {
    const { seq } = await chat.post({ name: member }, room.room, { clientId: clientIdOf(request), body });
    await tellers
      .add(room, member, seq)
      .catch((err) => log.warn({ err, ...room, member }, 'who has posted could not be joined'));
    return SipResponse.to(request, 202);
  }

  async function obey(
    command: Command,
    member: string,
    room: RoomAddress,
    request: SipRequest,
  ): Promise<SipResponse> {
    const caller = { name: member };
    const { name } = await chat.room(caller, room.room);
    const text = await perform(command, caller, room);
    // Later than the answer to the request, for which some clients wait before they look at anything else.
    setImmediate(() => void say({ ...room, name }, member, text));
    return SipResponse.to(request, 200);
  }

  const say = (speaker: RoomAddress & { name: string }, member: string, text: string): Promise<unknown> =>
    tell(speaker, member, { seq: 0, at: new Date().toISOString(), text }).catch((err) =>
      log.error({ err, member }, 'an answer could not be sent'),
    );

  async function answerTo(asked: Asked): Promise<SipResponse> {
    const { request } = asked;
    assertExtensions(request);
    if (request.to.tag !== undefined) throw new SipRefusal(481, 'A room is in no dialogs', 'no-dialog');
    const handle = handlers[request.method];
    if (!handle) throw new SipRefusal(405, `A room knows no ${request.method}`, 'method', [ALLOWED]);
    return handle(asked);
  }

  return async (asked) => {
    const answer = await answerTo(asked).catch((error) => refusalAnswer(error, asked, pod, log));
    asked.respond(answer);
    onAnswer(asked.request.method, answer.status);
  };
}

/** `alice@contoso.lab` for `sip:alice@contoso.lab`. */
const memberOf = (identity: string): string => identity.replace(/^sips?:/, '');

/** No hop changes them, and a client gives them to no other request (RFC 3261 8.1.1.4 and 8.1.1.5). */
const clientIdOf = ({ callId, cseq }: SipRequest): string =>
  `sip-${createHash('sha256').update(`${callId} ${cseq.seq}`).digest('base64url')}`;

/** RFC 3261 8.2.2.3. */
function assertExtensions(request: SipRequest): void {
  if (!request.has('require')) return;
  const unsupported: [string, string] = ['Unsupported', request.values('require').join(', ')];
  throw new SipRefusal(420, 'Bad Extension', 'method', [unsupported]);
}
