import { boundedKey } from '@linchpin/host';
import type { Frame } from '@linchpin/proto/relay/v1/relay';
import { type Flow, SipRequest, SipResponse, statelessTag } from '@linchpin/sip';
import { inward } from './frames.ts';
import { isRemote, type RemoteFlow } from './remote-flow.ts';

export interface CancelsParts {
  /** The other Front Ends to which the stream is open. */
  others(): readonly string[];
  /** To one of them, which then takes the CANCEL or says that it has no transaction for it. */
  ask(pod: string, frame: Frame): boolean;
  /** To the Front End that has asked. */
  tell(pod: string, frame: Frame): boolean;
  /** A flow to a client, here or at another pod. */
  find(flowId: string): Flow | undefined;
  /** The Front End to which the INVITE that a CANCEL belongs to went from here. */
  ledTo(answer: SipResponse, flow: Flow): string | undefined;
}

/**
 * CANCELs of which nobody here has the INVITE. A remote client's comes to who serves the callee now, while its INVITE may be at the
 * Front End that did before: all others are asked (RFC 3261 16.10), and only when none has it the client gets 481 (9.2). Who has
 * it answers the client by itself, and tells who has asked.
 */
export interface Cancels {
  /** True when an answer will come by way of others; false where nobody is asked, and the client gets 481 at once. */
  take(cancel: SipRequest, flow: Flow): boolean;
  /** What another pod brings: when it is a CANCEL of a Front End, and is not left to `take`, that one is told so. */
  brought(message: SipRequest | SipResponse, flow: Flow, receive: () => void): void;
  /** Another Front End has (200) or has no (481) transaction for a CANCEL that it got from here. */
  answered(answer: SipResponse, flowId: string, pod: string): void;
  /** The stream to another Front End has ended: it says nothing any more. */
  podGone(pod: string): void;
  readonly size: number;
}

interface Question {
  flow: Flow;
  /** What the client gets when nobody has it. */
  refusal: Buffer;
  /** Who has not said no yet. */
  pods: Set<string>;
  until: number;
}

/** RFC 3261 17.1.2.2, timer F: then the client waits no longer. */
const LIFETIME_MS = 32_000;
const CAPACITY = 2_000;
/** Each is a message to every other Front End, so no client has many of them open. */
const CAPACITY_OF_FLOW = 20;

export function createCancels(
  { others, ask, tell, find, ledTo }: CancelsParts,
  now = () => performance.now(),
): Cancels {
  /** In the order in which they expire. */
  const questions = new Map<string, Question>();
  /** How many there are, by flow. */
  const open = new Map<string, number>();
  let missed: SipRequest | undefined;

  function drop(key: string, { flow }: Question): void {
    const left = (open.get(flow.id) ?? 0) - 1;
    if (questions.delete(key) && left > 0) open.set(flow.id, left);
    else open.delete(flow.id);
  }

  function dropExpired(): void {
    for (const [key, question] of questions) {
      if (question.until > now()) return;
      drop(key, question);
    }
  }

  const hasRoom = (flow: Flow): boolean =>
    questions.size < CAPACITY && (open.get(flow.id) ?? 0) < CAPACITY_OF_FLOW;

  function askOthers(cancel: SipRequest, flow: Flow): boolean {
    const { identity } = flow;
    // Others believe nothing of nobody.
    if (identity === '') return false;
    dropExpired();
    const key = keyOf(cancel, flow.id);
    // A copy: they have been asked, over streams that lose nothing.
    if (questions.has(key)) return true;
    if (!hasRoom(flow)) return false;
    const frame = inward(flow, cancel.toBuffer(), { identity, hops: 1, traceparent: '' });
    const pods = new Set(others().filter((pod) => ask(pod, frame)));
    if (pods.size === 0) return false;
    questions.set(key, { flow, refusal: tooLate(cancel).toBuffer(), pods, until: now() + LIFETIME_MS });
    open.set(flow.id, (open.get(flow.id) ?? 0) + 1);
    return true;
  }

  const tellAsker = (flow: RemoteFlow, answer: SipResponse): boolean =>
    tell(flow.from, inward(flow, answer.toBuffer(), { identity: '', hops: 0, traceparent: '' }));

  function said(key: string, question: Question, pod: string): void {
    question.pods.delete(pod);
    if (question.pods.size > 0) return;
    drop(key, question);
    question.flow.send(question.refusal);
  }

  /** It has followed its INVITE to that pod, which has lost it since: nobody else can have it. */
  function lost(answer: SipResponse, flowId: string, pod: string): void {
    const flow = find(flowId);
    if (flow && ledTo(answer, flow) === pod) flow.send(answer.toBuffer());
  }

  return {
    take(cancel, flow) {
      if (!isAsked(flow)) return askOthers(cancel, flow);
      missed = cancel;
      return tellAsker(flow, tooLate(cancel));
    },
    brought(message, flow, receive) {
      receive();
      if (!(message instanceof SipRequest) || message.method !== 'CANCEL' || !isAsked(flow)) return;
      if (missed !== message) tellAsker(flow, SipResponse.to(message, 200));
      missed = undefined;
    },
    answered(answer, flowId, pod) {
      const key = keyOf(answer, flowId);
      const question = questions.get(key);
      if (answer.status === 200) return question && drop(key, question);
      if (question) said(key, question, pod);
      else lost(answer, flowId, pod);
    },
    podGone(pod) {
      for (const [key, question] of questions) if (question.pods.has(pod)) said(key, question, pod);
    },
    get size() {
      return questions.size;
    },
  };
}

/** RFC 3261 9.2: there is no INVITE, or it has its final answer. */
export const tooLate = (cancel: SipRequest): SipResponse =>
  SipResponse.to(cancel, 481, undefined, { toTag: statelessTag(cancel) });

/** Whether what is being handled came by way of another Front End. */
const isAsked = (flow: Flow): flow is RemoteFlow => isRemote(flow) && flow.hops > 0;

const keyOf = ({ via, callId, cseq }: SipRequest | SipResponse, flowId: string): string =>
  boundedKey(`${flowId} ${via.branch} ${callId} ${cseq.seq}`);
