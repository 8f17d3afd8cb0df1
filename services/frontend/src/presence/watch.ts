import type { DialogState, Subscription } from '@linchpin/sip';

/** What is stored of one subscription dialog: enough to go on with it in another process. */
export interface WatchRecord {
  presentity: string;
  watcher: string;
  dialog: DialogState;
  subscription: Subscription;
  /** Where the last SUBSCRIBE came from. */
  flowId: string;
  /** The container out of which the watcher was told last. */
  container: number;
}

/** One watcher's subscription to one presentity, and where its NOTIFY requests stand. */
export interface Watch extends WatchRecord {
  /** The local tag of its dialog. */
  readonly id: string;
  /** One NOTIFY at a time is on its way, or waits for the store. */
  busy: boolean;
  /** The NOTIFY on its way, and over which flow. */
  sent: { flowId: string } | undefined;
  /** A NOTIFY must follow even when the document is the one that was sent last (RFC 6665 4.2.1.2). */
  owed: boolean;
  /** The document that was sent last. */
  told: Buffer | undefined;
  /** CSeq numbers below this one are free to be used without telling the store. */
  reserved: number;
  /** Another Front End goes on with the dialog: nothing is sent or stored any more. */
  released: boolean;
}

/**
 * How many CSeq numbers a process may use up between two writes. A process that takes over begins this far above what is stored,
 * thus above anything that was sent (RFC 3261 12.2.1.1), though hardly any NOTIFY costs a write.
 */
export const SEQUENCE_BLOCK = 10_000;

export function createWatch(record: WatchRecord): Watch {
  const reserved = record.dialog.localSeq + SEQUENCE_BLOCK;
  const id = record.dialog.localTag;
  return {
    ...record,
    id,
    busy: false,
    sent: undefined,
    owed: false,
    told: undefined,
    reserved,
    released: false,
  };
}

/** As it goes on in another process; its first NOTIFY reserves numbers before it is sent. */
export function resumeWatch({ dialog, ...record }: WatchRecord): Watch {
  const localSeq = dialog.localSeq + SEQUENCE_BLOCK;
  return { ...createWatch({ ...record, dialog: { ...dialog, localSeq } }), reserved: localSeq };
}

export function recordOf({
  presentity,
  watcher,
  dialog,
  subscription,
  flowId,
  container,
}: Watch): WatchRecord {
  // The dialog is counted up in place, which a stored value must not be.
  return { presentity, watcher, dialog: { ...dialog }, subscription, flowId, container };
}
