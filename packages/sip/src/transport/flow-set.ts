import type { ConnectionFlow } from './connection-flow.ts';
import type { TransportLimits } from './limits.ts';

/** The open connections of a listener or connector; closes those that are overdue. */
export interface FlowSet extends Iterable<ConnectionFlow> {
  add(flow: ConnectionFlow): void;
  /** Closes all, and takes in no more. */
  close(reason: string): void;
}

export function createFlowSet(limits: TransportLimits): FlowSet {
  const flows = new Set<ConnectionFlow>();
  const timer = setInterval(sweep, sweepInterval(limits)).unref();
  let closed: string | undefined;

  function sweep(): void {
    const now = performance.now();
    for (const flow of flows) {
      const reason = flow.overdue(now);
      if (reason !== undefined) flow.abort(reason);
    }
  }

  return {
    add(flow) {
      if (closed !== undefined) return flow.abort(closed);
      flows.add(flow);
      flow.onClose(() => flows.delete(flow));
    },
    close(reason) {
      closed = reason;
      clearInterval(timer);
      for (const flow of flows) flow.close(reason);
    },
    [Symbol.iterator]: () => flows.values(),
  };
}

/** Milliseconds: short beside the shortest limit, but no more often than is worth it. */
export function sweepInterval(limits: TransportLimits): number {
  const shortest = Math.min(limits.halfOpenSeconds, limits.messageSeconds, limits.idleSeconds);
  return Math.min(1000, Math.max(10, shortest * 250));
}
