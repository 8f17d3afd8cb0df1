// Rooms for plain SIP clients: how they are called, what is asked of them, and who is told what is posted there.
import type { Host, Logger, NatsLink } from '@linchpin/host';
import { RelayService } from '@linchpin/proto/relay/v1/relay';
import type { Directory, Members, Replica } from '@linchpin/topology';
import type { Chat } from '../chat.ts';
import type { Database } from '../database/database.ts';
import { createTurns } from '../turns.ts';
import { createFrontEnds } from './link/front-ends.ts';
import { createRelay } from './link/relay.ts';
import { createSession, type SessionParts, type SessionTiming } from './members/session.ts';
import { createTellers } from './members/tellers.ts';
import { createNotes } from './notes.ts';
import { createOutgoing } from './outgoing.ts';
import { createCommands } from './requests/commands.ts';
import { createRequests } from './requests/requests.ts';
import { createSipTelemetry } from './telemetry.ts';

export interface SipParts {
  chat: Chat;
  /** As `chat.join`, for who was in a room before; by default that. */
  rejoin?: Chat['join'];
  pod: string;
  pool: string;
  domain: string;
  host: Pick<Host, 'rpc' | 'mtls' | 'metrics'>;
  nats: Pick<NatsLink, 'onConnected' | 'connected'>;
  replica: Pick<Replica, 'onChange'>;
  members: Members;
  directory: Directory;
  database: Database;
  log: Logger;
  timing?: Partial<SessionTiming> & { lookMs?: number };
}

export interface Sip {
  start(): void;
  /** Other pods take over whom this one tells; requests are still answered. Never rejects. */
  drain(): Promise<void>;
  stop(): Promise<void>;
}

const JOINS_AT_ONCE = 8;

/** Call it before the RPC port is opened: it serves `linchpin.relay.v1.Relay/Connect` for Front Ends. */
export function createSip(parts: SipParts): Sip {
  const {
    chat,
    pod,
    pool,
    domain,
    host,
    nats,
    replica,
    members,
    directory,
    database,
    log,
    timing = {},
  } = parts;
  const nameOf = (user: string): string => directory.user(`sip:${user}`)?.spec.displayName || user;
  const telemetry = createSipTelemetry(host.metrics, () => tellers.sessions);

  const relay = createRelay({
    pod,
    domain,
    frontEnds: { send: (frontEnd, frame) => frontEnds.send(frontEnd, frame) },
    onAsked: (asked) => void onAsked(asked),
    log,
  });
  const frontEnds = createFrontEnds({
    pod,
    mtls: host.mtls,
    replica,
    members,
    directory,
    onDown: relay.frontEndDown,
    log,
  });
  // A pod that takes over from one that died brings thousands back into their rooms: people who write now need the store as well.
  const inTurn = createTurns(JOINS_AT_ONCE);
  const unhurried: SessionParts['chat'] = {
    room: (...asked) => chat.room(...asked),
    join: (...asked) => inTurn(() => (parts.rejoin ?? chat.join)(...asked)),
    history: (...asked) => inTurn(() => chat.history(...asked)),
  };
  const tell = createOutgoing({
    relay,
    frontEnds,
    domain,
    isUser: (aor) => directory.user(aor) !== undefined,
    onOutcome: telemetry.told,
  });
  const tellers = createTellers({
    pod,
    pool,
    members,
    database,
    createSession: (own) => createSession({ ...own, chat: unhurried, tell, nameOf, log, timing }),
    tell,
    tellPods: (note) => notes.tell(note),
    log,
    ...(timing.lookMs !== undefined && { lookMs: timing.lookMs }),
  });
  const notes = createNotes(nats, tellers.onNote, log);
  const onAsked = createRequests({
    pod,
    chat,
    database,
    tellers,
    perform: createCommands({ chat, database, tellers, domain, nameOf }),
    tell,
    onAnswer: telemetry.answered,
    log,
  });
  host.rpc.addService(RelayService, { connect: relay.handler }, { allow: ['frontend'] });

  return {
    start: tellers.start,
    drain: tellers.letGo,
    async stop() {
      await tellers.letGo();
      notes.stop();
      relay.close();
      frontEnds.stop();
    },
  };
}
