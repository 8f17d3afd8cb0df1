import {
  eventValue,
  type Flow,
  requestInDialog,
  subscriptionStateValue,
  type TransactionFailure,
  type TransactionLayer,
} from '@linchpin/sip';
import { PIDF_TYPE } from './pidf-writer.ts';
import type { NotifyOutcome } from './telemetry.ts';
import type { Watch } from './watch.ts';

export interface NotifierOptions {
  layer: Pick<TransactionLayer, 'request'>;
  flow(flowId: string): Flow | undefined;
  /** Our Contact URI on that flow. */
  contactFor(flow: Flow): string;
  /** What the watcher may read now; undefined when there is nothing left to read about. */
  document(watch: Watch): Buffer | undefined;
  /** Resolves when further CSeq numbers are reserved, or cannot be for now; never rejects. */
  reserve(watch: Watch): Promise<void>;
  /** The watcher's answer, or that there was none. */
  onFailure(watch: Watch, failure: number | TransactionFailure): void;
  now(): number;
  telemetry: { notified(outcome: NotifyOutcome): void };
}

export interface Notifier {
  /** Sends in any case. */
  notify(watch: Watch): void;
  /** Sends if the watcher was told something else last. */
  review(watch: Watch): void;
}

/**
 * Keeps one NOTIFY in flight per dialog: changes meanwhile are told by one more afterwards, with what is true then. RFC 3856 6.10
 * wants five seconds between changes of a presentity; people want to see them at once, and a slow watcher sets its own pace here.
 */
export function createNotifier(options: NotifierOptions): Notifier {
  function pump(watch: Watch): void {
    if (watch.released || watch.busy || !(watch.owed || isNews(watch))) return;
    const flow = options.flow(watch.flowId);
    // The watcher comes back on another flow with a SUBSCRIBE, or the pod where its flow ends does, or its time runs out.
    if (!flow || flow.closed) return;
    if (hasNumbers(watch)) send(watch, flow, options.document(watch));
    else void reserveThenPump(watch);
  }

  function isNews(watch: Watch): boolean {
    if (watch.subscription.state === 'terminated') return false;
    const document = options.document(watch);
    return document !== watch.told && !(document && watch.told?.equals(document));
  }

  async function reserveThenPump(watch: Watch): Promise<void> {
    watch.busy = true;
    await options.reserve(watch);
    watch.busy = false;
    if (hasNumbers(watch)) pump(watch);
  }

  function send(watch: Watch, flow: Flow, document: Buffer | undefined): void {
    watch.busy = true;
    watch.owed = false;
    watch.told = document;
    const sent = { flowId: watch.flowId };
    watch.sent = sent;
    const notify = requestInDialog(watch.dialog, 'NOTIFY', headersFor(watch, flow, document), document);
    options.layer.request(notify, flow, {
      onResponse({ status }) {
        if (status >= 200) settle(watch, sent, status);
      },
      onError: (kind) => settle(watch, sent, kind),
    });
  }

  function settle(watch: Watch, sent: Watch['sent'], outcome: number | TransactionFailure): void {
    options.telemetry.notified(outcomeName(outcome));
    if (watch.sent !== sent) return;
    watch.sent = undefined;
    watch.busy = false;
    if (outcomeName(outcome) !== 'accepted') options.onFailure(watch, outcome);
    pump(watch);
  }

  function headersFor(watch: Watch, flow: Flow, document: Buffer | undefined): [string, string][] {
    return [
      ['event', eventValue(watch.subscription)],
      ['subscription-state', subscriptionStateValue(watch.subscription, options.now())],
      ['contact', `<${options.contactFor(flow)}>`],
      ...(document ? [['content-type', PIDF_TYPE] satisfies [string, string]] : []),
    ];
  }

  /** The watcher came back by another way: on the one it left nobody may answer any more, which says nothing about the dialog. */
  function giveUpOldWay(watch: Watch): void {
    if (watch.sent === undefined || watch.sent.flowId === watch.flowId) return;
    watch.sent = undefined;
    watch.busy = false;
  }

  return {
    notify(watch) {
      watch.owed = true;
      giveUpOldWay(watch);
      pump(watch);
    },
    review: pump,
  };
}

/** A dialog that is over has left the store, so nobody will go on with its numbers. */
function hasNumbers({ dialog, reserved, subscription }: Watch): boolean {
  return dialog.localSeq < reserved || subscription.state === 'terminated';
}

function outcomeName(outcome: number | TransactionFailure): NotifyOutcome {
  if (typeof outcome === 'string') return outcome;
  return outcome < 300 ? 'accepted' : 'rejected';
}
