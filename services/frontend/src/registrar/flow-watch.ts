import type { Flow } from '@linchpin/sip';

/**
 * Tells when a connection has been gone for longer than the grace in which its client may come back, of users of groups that are
 * served elsewhere by then as well: whether that matters here is for the listener to know.
 */
export interface FlowWatch {
  /** Names what depends on the flow; nothing happens for UDP, which has no end. */
  watch(flow: Flow, aor: string): void;
  /** The flow is gone already, as after a restart. */
  gone(flowId: string, aor: string): void;
  stop(): void;
}

export function createFlowWatch(graceMs: number, onGone: (flowId: string, aor: string) => void): FlowWatch {
  const watched = new Map<string, Set<string>>();
  const graces = new Set<NodeJS.Timeout>();

  function startGrace(flowId: string, aors: Iterable<string>): void {
    const timer = setTimeout(() => {
      graces.delete(timer);
      for (const aor of aors) onGone(flowId, aor);
    }, graceMs).unref();
    graces.add(timer);
  }

  function ended(flowId: string): void {
    const aors = watched.get(flowId);
    watched.delete(flowId);
    if (aors) startGrace(flowId, aors);
  }

  return {
    watch(flow, aor) {
      if (flow.transport === 'udp') return;
      const aors = watched.get(flow.id);
      if (aors) return void aors.add(aor);
      watched.set(flow.id, new Set([aor]));
      flow.onClose(() => ended(flow.id));
    },
    gone: (flowId, aor) => startGrace(flowId, [aor]),
    stop() {
      watched.clear();
      for (const timer of graces) clearTimeout(timer);
    },
  };
}
