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
  /** All connections that are open, those at Edges too. */
  connections(): Iterable<Flow>;
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

export function createEviction(parts: EvictionParts): Eviction {
  const { bindings, find, flow, connections, isBarred, log } = parts;

  /** One pass over all connections for any number of users: a change may concern thousands of both. */
  const byUser = (): Map<string, Flow[]> => Map.groupBy(connections(), ({ identity }) => identity);

  /** After a restart the flow of a binding has proved nothing yet. */
  function connectionsOf(aor: string, proven: readonly Flow[]): Set<Flow> {
    const bound = bindings.of(aor).map(({ flowId }) => flow(flowId));
    const unproven = bound.filter((found) => found?.reliable && found.identity === '');
    return new Set([...proven, ...(unproven as Flow[])]);
  }

  function evict(aor: string, proven: readonly Flow[], applies: (flowId: string) => boolean): void {
    const ended = [...connectionsOf(aor, proven)].filter(({ id }) => applies(id));
    bindings.remove(aor, ({ flowId }) => applies(flowId), 'not served any more');
    for (const connection of ended) connection.close('the user is not served any more');
    if (ended.length > 0) log.info({ aor, connections: ended.length }, 'connections of a user closed');
  }

  function review(aors: Iterable<string>, flows: Map<string, Flow[]>): void {
    for (const aor of aors) {
      const user = find(aor);
      const serves = user?.spec.enabled === true;
      evict(aor, flows.get(aor) ?? [], (flowId) => !serves || isBarred(user, flowId));
    }
  }

  function reviewAll(): void {
    const flows = byUser();
    flows.delete('');
    review(new Set([...bindings.users().keys(), ...flows.keys()]), flows);
  }

  function directoryChanged(changes: readonly DocumentChange[]): void {
    const known = changes.filter(({ before }) => before !== undefined);
    const flows = known.length > 0 ? byUser() : new Map<string, Flow[]>();
    const named = (kind: string) =>
      known.filter((change) => change.kind === kind).map(({ name }) => `sip:${name}`);
    for (const aor of named('Credential')) for (const open of flows.get(aor) ?? []) open.identity = '';
    review(named('User'), flows);
    if (changes.some(({ kind }) => concernsAll.has(kind))) reviewAll();
  }

  return { directoryChanged, review: reviewAll };
}
