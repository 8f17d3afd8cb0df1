import { createPeerLink, type Logger, type Mtls } from '@linchpin/host';
import { type Frame, RelayClient } from '@linchpin/proto/relay/v1/relay';
import {
  type Directory,
  type Followed,
  followMembers,
  type Member,
  type Members,
  type Replica,
} from '@linchpin/topology';
import { followIncarnations } from './incarnations.ts';
import { createPatientLink, type PatientLink } from './patient-link.ts';

export interface LinksParts {
  pod: string;
  mtls: Mtls;
  replica: Replica;
  members: Members;
  directory: Directory;
  /** A client's response that an Edge brings, or the end of a flow. */
  onFrame(frame: Frame, from: string): void;
  /** The stream to an Edge or another Front End is open, for the first time or again. */
  onUp(pod: string): void;
  /** That to another Front End has ended. */
  onFrontEndDown(pod: string): void;
  /** That to a pod of Persistent Chat has. */
  onChatDown(pod: string): void;
  /** The pod is not a member any more, or is another process under the same name. */
  onGone(pod: string): void;
  log: Logger;
}

/**
 * A stream to each pod where flows may end, Edges, the other Front Ends of the pool and Persistent Chat, open from the start: an
 * Edge can bring responses only to who has called.
 */
export interface Links {
  has(pod: string): boolean;
  isUp(pod: string): boolean;
  /** Waits a moment for a stream that is being opened again. False when there is none, or it takes no more. */
  send(pod: string, frame: Frame): boolean;
  /** To all other Front Ends. */
  tellFrontEnds(frame: Frame): void;
  /** How many streams to other Front Ends are open. */
  readonly frontEndsUp: number;
  stop(): void;
}

type Link = PatientLink<Frame>;
type LinkRole = 'edge' | 'frontend' | 'persistent-chat';

/** Frames: the end of thousands of connections at once is told as well. */
const QUEUE_LIMIT = 65_536;

export function createLinks(parts: LinksParts): Links {
  const { pod, mtls, replica, members, directory, onFrame, onUp, onFrontEndDown, onChatDown, onGone, log } =
    parts;
  let stopped = false;

  function linkTo({ name, address }: Member, role: LinkRole): Link {
    const link = createPeerLink<Frame, RelayClient>({
      address,
      role,
      credentials: mtls.client(),
      pod,
      client: RelayClient,
      connect: (client, metadata) => client.connect(metadata),
      onFrame: (frame) => onFrame(frame, name),
      onUp() {
        patient.flush();
        onUp(name);
      },
      onDown() {
        if (role === 'frontend') onFrontEndDown(name);
        if (role === 'persistent-chat') onChatDown(name);
      },
      log,
      queueLimit: QUEUE_LIMIT,
    });
    const patient = createPatientLink(link, () => {
      if (!stopped) onGone(name);
    });
    return patient;
  }

  const others = (): Member[] =>
    directory.poolMembers(directory.poolOf(pod)?.name ?? 'frontend').filter(({ name }) => name !== pod);
  const follow = (role: LinkRole, list: () => readonly Member[]): Followed<Link> =>
    followMembers(replica, list, (member) => linkTo(member, role), members);

  const edges = follow('edge', () => directory.roleMembers('edge'));
  const frontEnds = follow('frontend', others);
  const chat = follow('persistent-chat', () => directory.roleMembers('persistent-chat'));
  const offIncarnations = followIncarnations(members, onGone);
  const linkOf = (name: string): Link | undefined =>
    frontEnds.links.get(name) ?? edges.links.get(name) ?? chat.links.get(name);

  return {
    has: (name) => linkOf(name) !== undefined,
    isUp: (name) => linkOf(name)?.up ?? false,
    send: (name, frame) => linkOf(name)?.send(frame) ?? false,
    tellFrontEnds(frame) {
      for (const link of frontEnds.links.values()) link.send(frame);
    },
    get frontEndsUp() {
      return [...frontEnds.links.values()].filter(({ up }) => up).length;
    },
    stop() {
      stopped = true;
      offIncarnations();
      edges.stop();
      frontEnds.stop();
      chat.stop();
    },
  };
}
