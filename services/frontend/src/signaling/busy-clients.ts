import { createUnderWay, type Flow, type TransactionLayer, type UnderWay } from '@linchpin/sip';

/** Which clients of this pod's connections wait for an answer, or are waited for: a drain closes those connections last. */
export interface BusyClients {
  /** A message that this pod passes on to or from the client, as bytes; its transaction is another pod's. */
  passed(flow: Flow | undefined, message: Buffer): void;
  /** As it is at this moment. */
  now(): (flow: Flow) => boolean;
}

export function createBusyClients(layer: Pick<TransactionLayer, 'underWay'>): BusyClients {
  const passing = new WeakMap<Flow, UnderWay>();

  function underWayOn(flow: Flow, now: number): UnderWay {
    const known = passing.get(flow) ?? createUnderWay(now);
    passing.set(flow, known);
    return known;
  }

  return {
    passed(flow, message) {
      if (!flow?.reliable) return;
      const now = Date.now();
      underWayOn(flow, now).passedBytes(message, now);
    },
    now() {
      const time = Date.now();
      const own = new Set(layer.underWay());
      return (flow) => own.has(flow) || (passing.get(flow)?.busy(time) ?? false);
    },
  };
}
