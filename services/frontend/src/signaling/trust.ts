import type { Frame } from '@linchpin/proto/relay/v1/relay';
import { podOf } from './frames.ts';

/** Who has sent a frame; the role is the one in its certificate. */
export interface Teller {
  pod: string;
  role: string;
}

export interface TrustParts {
  pod: string;
  /** Undefined for a pod of which nobody has told yet. */
  roleOf(pod: string): string | undefined;
  /** Whether an identity is that of a room and not of a user. */
  isRoom(aor: string): boolean;
}

/**
 * What is believed from whom. Of a flow its own pod tells. Of one at an Edge a Director does too, and of that other Front Ends pass on what
 * they have been told.
 */
export interface Trust {
  /** A request, whose `identity` the sender vouches for. */
  mayBring(frame: Frame, teller: Teller): boolean;
  /** A client's response. */
  mayAnswer(frame: Frame, teller: Teller): boolean;
  /** That a flow has ended. */
  mayEnd(frame: Frame, teller: Teller): boolean;
}

export function createTrust({ pod, roleOf, isRoom }: TrustParts): Trust {
  const roleAt = (name: string): string | undefined => (name === pod ? 'frontend' : roleOf(name));
  const isOwn = ({ flow }: Frame, teller: Teller): boolean => podOf(flow) === teller.pod;
  /** A pod may be announced a little later than what comes from it. */
  const isAtEdge = ({ flow }: Frame): boolean => (roleAt(podOf(flow)) ?? 'edge') === 'edge';

  /** A room speaks through Persistent Chat only, which speaks for nobody else; Front Ends pass on what it has said to them. */
  function mayVouch(role: string, { identity }: Frame): boolean {
    if (role === 'persistent-chat') return isRoom(identity);
    return role === 'frontend' || !isRoom(identity);
  }

  /** A Front End begins with flows of its own; what it passes on is of those who may bring something to it. */
  function mayPassOn(frame: Frame): boolean {
    if (frame.hops > 1) return true;
    return frame.hops === 1 && roleAt(podOf(frame.flow)) !== 'frontend';
  }

  return {
    mayBring(frame, teller) {
      if (!mayVouch(teller.role, frame)) return false;
      if (teller.role === 'director') return isAtEdge(frame);
      return isOwn(frame, teller) || (teller.role === 'frontend' && mayPassOn(frame));
    },
    mayAnswer: (frame, teller) => teller.role === 'frontend' && isOwn(frame, teller),
    mayEnd: (frame, teller) => isOwn(frame, teller) || (teller.role !== 'persistent-chat' && isAtEdge(frame)),
  };
}
