// The alerts of one event stream: its reader's own, whichever rooms it follows.
import type { Alert, Caller, Chat } from '../chat.ts';

export interface StreamAlerts {
  /** From when it resolves none is missed. */
  watch(): Promise<void>;
  /** The stream has begun: those that came before follow, and all others as they come. */
  open(): void;
  stop(): void;
}

/** Until a stream has begun; alerts are told, not kept. */
const MOST_EARLY = 100;

export function createStreamAlerts(
  chat: Pick<Chat, 'watchAlerts'>,
  caller: Caller,
  send: (alert: Alert) => void,
): StreamAlerts {
  let early: Alert[] | undefined = [];
  let end = (): void => {};

  function take(alert: Alert): void {
    if (early === undefined) send(alert);
    else if (early.length < MOST_EARLY) early.push(alert);
  }

  return {
    async watch() {
      end = await chat.watchAlerts(caller, take);
    },
    open() {
      for (const alert of early ?? []) send(alert);
      early = undefined;
    },
    stop: () => end(),
  };
}
