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
  /** The pod is not a member any more, or no connection can end there. */
  onGone(pod: string): void;
  /** The stream to a pod is open that is another process under the same name, or has moved: told late, as all that pods announce. */
  onAgain(pod: string): void;
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
  /** The other Front Ends of the pool to which the stream is open. */
  readonly frontEndsUp: readonly string[];
  /** Whether it is another Front End of the pool. */
  isFrontEnd(pod: string): boolean;
  stop(): void;
}

type Link = PatientLink<Frame>;
type LinkRole = 'edge' | 'frontend' | 'persistent-chat';

/** Frames: the end of thousands of connections at once is told as well. */
const QUEUE_LIMIT = 65_536;

export function createLinks(parts: LinksParts): Links {
  const { pod, mtls, replica, members, directory, log } = parts;
  const { onFrame, onUp, onFrontEndDown, onChatDown, onGone, onAgain } = parts;
  /** Of these it is not known which of their flows are left, until they have been asked on a stream that is new. */
  const doubted = new Set<string>();
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
        if (doubted.delete(name)) onAgain(name);
        onUp(name);
      },
      onDown() {
        if (role === 'frontend') onFrontEndDown(name);
        if (role === 'persistent-chat') onChatDown(name);
      },
      log,
      queueLimit: QUEUE_LIMIT,
    });
    // Who has moved has another link within this turn.
    const patient = createPatientLink(link, {
      onClosed: () => queueMicrotask(() => stopped || goneOrAgain(name)),
    });
    return patient;
  }

  /** The stream may still be the one to the process before. */
  function goneOrAgain(name: string): void {
    const link = frontEnds.links.get(name) ?? edges.links.get(name);
    if (link === undefined) doubted.delete(name);
    else doubted.add(name);
    if (link === undefined) onGone(name);
    else if (link.up) onAgain(name);
  }

  const others = (): Member[] =>
    directory.poolMembers(directory.poolOf(pod)?.name ?? 'frontend').filter(({ name }) => name !== pod);
  const follow = (role: LinkRole, list: () => readonly Member[]): Followed<Link> =>
    followMembers(replica, list, (member) => linkTo(member, role), members);

  const edges = follow('edge', () => directory.roleMembers('edge'));
  const frontEnds = follow('frontend', others);
  const chat = follow('persistent-chat', () => directory.roleMembers('persistent-chat'));
  const offIncarnations = followIncarnations(members, goneOrAgain);
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
      return [...frontEnds.links].filter(([, { up }]) => up).map(([name]) => name);
    },
    isFrontEnd: (name) => frontEnds.links.has(name),
    stop() {
      stopped = true;
      offIncarnations();
      edges.stop();
      frontEnds.stop();
      chat.stop();
    },
  };
}
