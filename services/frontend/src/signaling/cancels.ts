import type { Frame } from '@linchpin/proto/relay/v1/relay';
import { type Flow, type SipRequest, SipResponse, statelessTag } from '@linchpin/sip';
import { inward } from './frames.ts';
import { isRemote } from './remote-flow.ts';

export interface CancelsParts {
  /** The other Front Ends to which the stream is open. */
  others(): readonly string[];
  /** To one of them, which then takes the CANCEL or says that it has no transaction for it. */
  ask(pod: string, frame: Frame): boolean;
  /** To the Front End that has asked. */
  tell(pod: string, frame: Frame): boolean;
  /** A flow to a client, here or at another pod. */
  find(flowId: string): Flow | undefined;
}

/**
 * CANCELs of which nobody here has the INVITE. A remote client's comes to who serves the callee now, while its INVITE may be at the
 * Front End that did before: all others are asked (RFC 3261 16.10), and only when none has it the client gets 481 (9.2). Who has
 * it answers the client by itself.
 */
export interface Cancels {
  /** True when an answer will come by way of others. */
  take(cancel: SipRequest, flow: Flow): boolean;
  /** Another Front End has no transaction for a CANCEL that it got from here. */
  denied(answer: SipResponse, flowId: string, pod: string): void;
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

export function createCancels(
  { others, ask, tell, find }: CancelsParts,
  now = () => performance.now(),
): Cancels {
  const questions = new Map<string, Question>();

  function makeRoom(): void {
    for (const [key, { until }] of questions) {
      if (until > now() && questions.size < CAPACITY) return;
      questions.delete(key);
    }
  }

  function put(cancel: SipRequest, flow: Flow, pods: string[]): void {
    makeRoom();
    const key = keyOf(cancel, flow.id);
    // A copy is a new question, and stands behind the others.
    questions.delete(key);
    const refusal = refusalOf(cancel).toBuffer();
    questions.set(key, { flow, refusal, pods: new Set(pods), until: now() + LIFETIME_MS });
  }

  function askOthers(cancel: SipRequest, flow: Flow): boolean {
    const { identity } = flow;
    // Others believe nothing of nobody.
    if (identity === '') return false;
    const frame = inward(flow, cancel.toBuffer(), { identity, hops: 1, traceparent: '' });
    const asked = others().filter((pod) => ask(pod, frame));
    if (asked.length === 0) return false;
    put(cancel, flow, asked);
    return true;
  }

  function said(key: string, question: Question, pod: string): void {
    question.pods.delete(pod);
    if (question.pods.size > 0) return;
    questions.delete(key);
    question.flow.send(question.refusal);
  }

  return {
    take(cancel, flow) {
      if (!isRemote(flow) || flow.hops === 0) return askOthers(cancel, flow);
      const told = { identity: '', hops: 0, traceparent: '' };
      return tell(flow.from, inward(flow, refusalOf(cancel).toBuffer(), told));
    },
    denied(answer, flowId, pod) {
      if (answer.status !== 481 || answer.cseq.method !== 'CANCEL') return;
      const key = keyOf(answer, flowId);
      const question = questions.get(key);
      if (question) said(key, question, pod);
      // It has followed its INVITE to that pod, which has lost it since: nobody else can have it.
      else find(flowId)?.send(answer.toBuffer());
    },
    podGone(pod) {
      for (const [key, question] of questions) if (question.pods.has(pod)) said(key, question, pod);
    },
    get size() {
      return questions.size;
    },
  };
}

const refusalOf = (cancel: SipRequest): SipResponse =>
  SipResponse.to(cancel, 481, undefined, { toTag: statelessTag(cancel) });

const keyOf = ({ via, callId, cseq }: SipRequest | SipResponse, flowId: string): string =>
  `${flowId} ${via.branch} ${callId} ${cseq.seq}`;
