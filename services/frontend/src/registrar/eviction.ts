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
  log: Logger;
}

export interface Eviction {
  /** Who is disabled, deleted or moved loses service at once; whose password changed has to prove it again. */
  directoryChanged(changes: readonly DocumentChange[]): void;
  /** The same for what has changed while this pod was away. */
  review(): void;
}

export function createEviction({ bindings, find, flow, flowsOf, log }: EvictionParts): Eviction {
  function connectionsOf(aor: string): Set<Flow> {
    const bound = bindings.of(aor).map(({ flowId }) => flow(flowId));
    const ofBindings = bound.filter((found) => found?.reliable && ['', aor].includes(found.identity));
    return new Set([...flowsOf(aor), ...(ofBindings as Flow[])]);
  }

  function evict(aor: string): void {
    const connections = connectionsOf(aor);
    bindings.remove(aor, () => true, 'not served any more');
    for (const connection of connections) connection.close('the user is not served any more');
    if (connections.size > 0)
      log.info({ aor, connections: connections.size }, 'connections of a user closed');
  }

  function review(aor: string): void {
    if (!find(aor)?.spec.enabled) evict(aor);
  }

  return {
    directoryChanged(changes) {
      for (const { kind, name, before } of changes) {
        const aor = `sip:${name}`;
        if (kind === 'User' && before !== undefined) review(aor);
        if (kind === 'Credential' && before !== undefined)
          for (const open of flowsOf(aor)) open.identity = '';
      }
      if (changes.some(({ kind }) => kind === 'Topology')) reviewAll();
    },
    review: reviewAll,
  };

  function reviewAll(): void {
    for (const aor of [...bindings.users().keys()]) review(aor);
  }
}
