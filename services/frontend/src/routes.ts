import type { SipRequest } from '@linchpin/sip';
import type { Conversations } from './conversations/conversations.ts';
import type { Presence } from './presence/index.ts';
import { Refused } from './refused.ts';
import type { Rooms } from './rooms/rooms.ts';
import type { Call } from './signaling/call.ts';
import type { Route } from './signaling/inbound.ts';

export interface RouteParts {
  register(call: Call): Promise<void>;
  presence: Pick<Presence, 'publish' | 'subscribe'>;
  conversations: Conversations;
  rooms: Pick<Rooms, 'pass'>;
  /** Whether the Request-URI means a room of Persistent Chat. */
  isForRoom(request: SipRequest): boolean;
  /** Whether the Request-URI means this server and none of its users. */
  isServer(request: SipRequest): boolean;
}

const never = () => false;
const always = () => true;

export interface Routes {
  /** SIP method to handler. ACK and CANCEL are not here: the one belongs to a dialog, the other to a transaction. */
  known: ReadonlyMap<string, Route>;
  /** A method that is not known is no reason not to relay it (RFC 3261 16.3); only this server itself refuses it. */
  unknown: Route;
}

export function createRoutes(parts: RouteParts): Routes {
  const { register, presence, conversations, rooms, isForRoom, isServer } = parts;
  const begins: Route = { handle: conversations.begin, relayed: always };
  const inDialog: Route = { handle: conversations.continue, relayed: always };
  const routes: Record<string, Route> = {
    REGISTER: { handle: register, relayed: never },
    PUBLISH: { handle: presence.publish, relayed: never },
    SUBSCRIBE: {
      // With a way through a dialog that we relay it is the peer's matter, such as the one of REFER (RFC 3515 2.4.4).
      handle: (call) => (call.hops.length > 0 ? conversations.continue(call) : presence.subscribe(call)),
      relayed: never,
    },
    MESSAGE: { handle: conversations.pass, relayed: always },
    OPTIONS: {
      handle: (call) => (isServer(call.request) ? answerOptions(call, allow) : conversations.pass(call)),
      relayed: (request) => !isServer(request),
      open: isServer,
    },
    INVITE: begins,
    REFER: begins,
    BYE: inDialog,
    PRACK: inDialog,
    UPDATE: inDialog,
    INFO: inDialog,
    NOTIFY: inDialog,
  };
  const allow = [...Object.keys(routes), 'ACK', 'CANCEL'].join(', ');
  const unknown: Route = {
    handle(call) {
      if (!isServer(call.request)) return conversations.pass(call);
      throw new Refused(405, 'Method Not Allowed', 'unknown-method', [['Allow', allow]]);
    },
    relayed: (request) => !isServer(request),
    open: isServer,
  };
  const known = Object.entries(routes).map(([method, route]): [string, Route] => {
    return [method, method === 'REGISTER' ? route : orRoom(route)];
  });

  /** Whatever is asked of a room is for Persistent Chat to answer. */
  function orRoom(route: Route): Route {
    return {
      ...route,
      handle: (call) => (isForRoom(call.request) ? rooms.pass(call) : route.handle(call)),
      relayed: (request) => isForRoom(request) || route.relayed(request),
    };
  }

  return { known: new Map(known), unknown: orRoom(unknown) };
}

/** RFC 3261 11.2. */
function answerOptions(call: Call, allow: string): void {
  call.reply(200, 'OK', {
    headers: [
      ['Allow', allow],
      ['Accept', 'application/pidf+xml'],
      ['Accept-Encoding', 'identity'],
      ['Accept-Language', 'en'],
      ['Supported', 'path, outbound'],
      ['Allow-Events', 'presence'],
    ],
  });
}
