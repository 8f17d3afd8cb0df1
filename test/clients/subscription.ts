// A watcher's side of presence (RFC 6665 4.1): a dialog that is refreshed, moved to a new flow, and begun anew when it is gone.
import {
  acceptInDialog,
  type DialogState,
  newCallId,
  newTag,
  requestInDialog,
  SipRequest,
  SipResponse,
  uacDialog,
} from '@linchpin/sip';
import type { ClientFlow } from './flow.ts';
import { type Outcome, perform, type Requester, type Task } from './perform.ts';

export interface Subscription {
  readonly target: string;
  /** The note of the presentity as last told. */
  readonly note: string | undefined;
  /** Dialogs begun, so 1 where none was lost. */
  readonly dialogs: number;
  /** Begins, refreshes, or tells of a new flow. */
  refresh(): Promise<Outcome>;
  /** Takes a NOTIFY; undefined where it is of another dialog. */
  notified(request: SipRequest): SipResponse | undefined;
  close(): void;
}

export interface SubscriptionParts {
  by: Requester;
  target: string;
  flow: Task['flow'];
  routes(): readonly string[];
  contact(flow: ClientFlow): string;
  current(): ClientFlow | undefined;
  onSetback(why: string, begun: number): void;
  onNote(note: string): void;
  onOutOfOrder(): void;
  /** The outcome of what the subscription does by itself. */
  onOutcome(outcome: Outcome): void;
  seconds?: number;
}

export function createSubscription(parts: SubscriptionParts): Subscription {
  const { by, target, seconds = 600 } = parts;
  let callId = '';
  let tag = '';
  let dialog: DialogState | undefined;
  let begun = 0;
  let lastSeq = -1;
  let sent: SipRequest | undefined;
  let note: string | undefined;
  let closed = false;
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<Outcome> | undefined;
  let isStale = false;

  const common = (flow: ClientFlow): [string, string][] => [
    ['Contact', parts.contact(flow)],
    ['Event', 'presence'],
    ['Accept', 'application/pidf+xml'],
    ['Expires', String(seconds)],
  ];

  function make(): SipRequest {
    const flow = parts.current() as ClientFlow;
    if (dialog !== undefined) return requestInDialog(dialog, 'SUBSCRIBE', common(flow));
    // Never twice the same: of an attempt without an answer nobody knows whether it began a dialog.
    callId = newCallId();
    tag = newTag();
    lastSeq = -1;
    sent = SipRequest.create('SUBSCRIBE', `sip:${target}`, [
      ...parts.routes().map((route): [string, string] => ['Route', route]),
      ['Max-Forwards', '70'],
      ['From', `<sip:${by.user}>;tag=${tag}`],
      ['To', `<sip:${target}>`],
      ['Call-ID', callId],
      ['CSeq', '1 SUBSCRIBE'],
      ...common(flow),
    ]);
    return sent;
  }

  /** RFC 6665 4.1.2.2 and RFC 5057: the server knows nothing of this dialog, or cannot be reached along it. */
  function forget(): void {
    dialog = undefined;
  }

  async function run(): Promise<Outcome> {
    const task: Task = {
      what: 'subscribe',
      make,
      flow: parts.flow,
      again: [481],
      onSetback(why, since) {
        if (/^(481|408|timeout)/.test(why)) forget();
        parts.onSetback(why, since);
      },
    };
    const outcome = await perform(task, by);
    if (outcome.ok && !closed) accept(outcome.response as SipResponse);
    parts.onOutcome(outcome);
    refreshIn(outcome.ok ? Number(outcome.response?.expires ?? seconds) * 600 : 2000);
    return outcome;
  }

  function accept(response: SipResponse): void {
    if (dialog !== undefined || sent === undefined) return;
    dialog = uacDialog(sent, response);
    begun++;
  }

  function refreshIn(milliseconds: number): void {
    clearTimeout(timer);
    if (!closed) timer = setTimeout(() => void refresh(), milliseconds);
  }

  /** One SUBSCRIBE at a time: what it says is not true any more where another one is asked for meanwhile. */
  function refresh(): Promise<Outcome> {
    isStale = running !== undefined;
    running ??= run().finally(() => {
      running = undefined;
      if (isStale && !closed) void refresh();
    });
    return running;
  }

  return {
    target,
    get note() {
      return note;
    },
    get dialogs() {
      return begun;
    },
    refresh,
    notified(request) {
      if (request.callId !== callId || request.to.tag !== tag) return undefined;
      if (dialog !== undefined && dialog.remoteTag !== request.from.tag) return undefined;
      const { seq } = request.cseq;
      if (seq <= lastSeq || (dialog && acceptInDialog(dialog, request) === 'out-of-order')) {
        parts.onOutOfOrder();
        return SipResponse.to(request, 500);
      }
      lastSeq = seq;
      const text = /<(?:\w+:)?note\b[^>]*>([^<]*)</.exec(Buffer.from(request.body).toString('utf8'))?.[1];
      if (text !== undefined) {
        note = text;
        parts.onNote(text);
      }
      if (/^terminated/i.test(request.get('subscription-state') ?? '')) {
        forget();
        refreshIn(500 + Math.random() * 500);
      }
      return SipResponse.to(request, 200);
    },
    close() {
      closed = true;
      clearTimeout(timer);
    },
  };
}
