import { createAttempts, type Host } from '@linchpin/host';
import { createNonces, createProxy, type Flow, type SipProxy, type SipRequest } from '@linchpin/sip';
import { BLOCKED_CONTAINER, type Directory, type EffectiveUser } from '@linchpin/topology';
import { createAuthentication } from './authentication/authentication.ts';
import { withoutCredentials } from './authentication/credentials.ts';
import type { FrontendConfig } from './config.ts';
import { type Conversations, createConversations } from './conversations/conversations.ts';
import { createHops, deviceMark, type Hops } from './conversations/hops.ts';
import { createRecipients } from './conversations/recipients.ts';
import type { Knowledge } from './knowledge.ts';
import type { Network } from './network.ts';
import { containerFor } from './presence/containers.ts';
import type { Binding } from './registrar/binding.ts';
import { createIsForRoom } from './rooms/is-room.ts';
import { createRooms, type Rooms } from './rooms/rooms.ts';
import { createRoutes } from './routes.ts';
import { createBegun } from './signaling/begun.ts';
import { retryAfter, withoutAnswer } from './signaling/failures.ts';
import { createInbound } from './signaling/inbound.ts';
import { takeOwnRoutes } from './signaling/own-routes.ts';
import type { Refusals } from './signaling/refusals.ts';
import { isRemote } from './signaling/remote-flow.ts';
import { createCalls } from './signaling/served-call.ts';
import type { Telemetry } from './telemetry.ts';
import type { Users } from './users.ts';

export interface HandlingParts {
  config: FrontendConfig;
  host: Host;
  /** A key for each purpose, the same for the whole pool where it has a file for that. */
  signingKey(purpose: string): Buffer;
  knowledge: Knowledge;
  network: Network;
  users: Users;
  refusals: Refusals;
  telemetry: Telemetry;
}

/** What becomes of requests. */
export interface Handling {
  request(request: SipRequest, flow: Flow): void;
  /** One of a 2xx, or that matches nothing. */
  acknowledge(ack: SipRequest, flow: Flow): void;
  chatDown(pod: string): void;
}

export function createHandling(parts: HandlingParts): Handling {
  const { config, host, signingKey, knowledge, network, users, refusals, telemetry } = parts;
  const { name: pod, log } = host;
  const { replica, directory, home, isRoom } = knowledge;
  const { layer, flows, dispatch } = network;

  const hops = createHops(signingKey('route'));
  const proxy = createProxy({
    layer,
    schemes: ['sip'],
    routeHere: (uri) => hops.tokenIn(uri) ?? (home.isServer(uri) ? '' : undefined),
  });
  const conversations = conversationsOf(parts, proxy, hops);
  const rooms = roomsOf(parts);
  const inbound = createInbound({
    ...{ layer, proxy, dispatch, refusals, telemetry, log },
    routes: createRoutes({
      ...{ conversations, rooms },
      register: users.register,
      presence: users.presence,
      isForRoom: createIsForRoom(isRoom),
      isServer: (request) => home.isServer(request.parsedUri),
    }),
    authenticate: createAuthentication({
      directory,
      nonces: createNonces({ key: signingKey(`nonce ${pod}`), lifetime: config.nonceLifetime }),
      attempts: createAttempts({
        source: config.limits.sourceFailures,
        account: config.limits.accountFailures,
      }),
      isRemote,
      isRoom,
    }),
    readHop: hops.read,
    createCall: createCalls(refusals, telemetry),
    isOpen: (flowId) => flows.find(flowId)?.closed === false,
    begun: createBegun(),
    isLoaded: () => replica.version > 0,
  });
  return {
    request: inbound,
    acknowledge: (ack, flow) => withoutAnswer(() => conversations.acknowledge(ack, flow), log),
    chatDown: rooms.podGone,
  };
}

function conversationsOf(parts: HandlingParts, proxy: SipProxy, hops: Hops): Conversations {
  const { knowledge, network, users, refusals, telemetry } = parts;
  const { directory, home } = knowledge;
  const { flows } = network;
  const { bindings } = users;
  return createConversations({
    ...{ proxy, hops, telemetry },
    recipients: createRecipients<Binding>({
      homed: home.homed,
      isLocalDomain: home.isLocalDomain,
      isBlocked: (sender, user) => isBlocked(sender, user, directory),
      endpoints: bindings.of,
      wayTo: flows.wayTo,
      isOpen: flows.isOpen,
      isDead: flows.isDead,
      find: flows.find,
      deviceMark,
    }),
    instanceAt: (aor, flow) => bindings.of(aor).find(({ flowId }) => flowId === flow.id)?.instance,
    withoutCredentials: (request) => withoutCredentials(request, directory.isLocalDomain),
    takeOwnRoutes: (request) => takeOwnRoutes(proxy, request),
    explain: (refused, call) => refusals(refused, call),
  });
}

function roomsOf({ knowledge, network, telemetry }: HandlingParts): Rooms {
  const { directory, members } = knowledge;
  const { layer, links, remoteFlows } = network;
  return createRooms({
    ...{ layer, retryAfter, telemetry },
    pods: () => directory.roleMembers('persistent-chat').map(({ name }) => name),
    isUp: links.isUp,
    isDraining: (name) => members.get(name)?.state === 'draining',
    speaker: remoteFlows.speaker,
    withoutCredentials: (request) => withoutCredentials(request, directory.isLocalDomain),
  });
}

/** Privacy mode hides presence from who is not listed; only a block keeps messages and calls away. */
function isBlocked(sender: string, user: EffectiveUser, directory: Directory): boolean {
  if (user.spec.containers === undefined) return false;
  const sameEnterprise = directory.isLocalDomain(sender.slice(sender.lastIndexOf('@') + 1));
  const open = { ...user, presencePolicy: { ...user.presencePolicy, privacyMode: false } };
  return containerFor({ aor: sender, sameEnterprise }, open) === BLOCKED_CONTAINER;
}
