import type { Logger } from '@linchpin/host';
import type { Flow } from '@linchpin/sip';
import type { DocumentChange, EffectiveUser } from '@linchpin/topology';
import type { Bindings } from './bindings.ts';

export interface EvictionParts {
  bindings: Bindings;
  /** The user, if it is served by this pod. */
  find(aor: string): EffectiveUser | undefined;
  /** A binding's flow. */
  flow(id: string): Flow | undefined;
  /** Flows that have proved to be the user. */
  flowsOf(aor: string): Flow[];
  /** Whether the user may not use this flow (any more): one from outside without external access. */
  isBarred(user: EffectiveUser, flowId: string): boolean;
  log: Logger;
}

export interface Eviction {
  /**
   * Who is disabled, deleted or moved loses service at once, who may not be outside any more the service outside; whose
   * password changed has to prove it again.
   */
  directoryChanged(changes: readonly DocumentChange[]): void;
  /** The same for what has changed while this pod was away. */
  review(): void;
}

const concernsAll = new Set<string>(['Topology', 'ExternalAccessPolicy', 'AccessEdgeConfiguration']);

export function createEviction({ bindings, find, flow, flowsOf, isBarred, log }: EvictionParts): Eviction {
  function connectionsOf(aor: string): Set<Flow> {
    const bound = bindings.of(aor).map(({ flowId }) => flow(flowId));
    const ofBindings = bound.filter((found) => found?.reliable && ['', aor].includes(found.identity));
    return new Set([...flowsOf(aor), ...(ofBindings as Flow[])]);
  }

  function evict(aor: string, applies: (flowId: string) => boolean): void {
    const connections = [...connectionsOf(aor)].filter(({ id }) => applies(id));
    bindings.remove(aor, ({ flowId }) => applies(flowId), 'not served any more');
    for (const connection of connections) connection.close('the user is not served any more');
    if (connections.length > 0)
      log.info({ aor, connections: connections.length }, 'connections of a user closed');
  }

  function review(aor: string): void {
    const user = find(aor);
    if (user?.spec.enabled) evict(aor, (flowId) => isBarred(user, flowId));
    else evict(aor, () => true);
  }

  return {
    directoryChanged(changes) {
      for (const { kind, name, before } of changes) {
        const aor = `sip:${name}`;
        if (kind === 'User' && before !== undefined) review(aor);
        if (kind === 'Credential' && before !== undefined)
          for (const open of flowsOf(aor)) open.identity = '';
      }
      if (changes.some(({ kind }) => concernsAll.has(kind))) reviewAll();
    },
    review: reviewAll,
  };

  function reviewAll(): void {
    for (const aor of [...bindings.users().keys()]) review(aor);
  }
}
