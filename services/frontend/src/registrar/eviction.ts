import type { Logger } from '@linchpin/host';
import type { Flow } from '@linchpin/sip';
import type { DocumentChange, EffectiveUser } from '@linchpin/topology';
import type { Bindings } from './bindings.ts';

export interface EvictionParts {
  bindings: Bindings;
  /** The user, if its home is this pool. */
  find(aor: string): EffectiveUser | undefined;
  /** A binding's flow. */
  flow(id: string): Flow | undefined;
  /** All connections that are open, those at Edges too. */
  connections(): Iterable<Flow>;
  /** Whether the user may not use this flow (any more): one from outside without external access. */
  isBarred(user: EffectiveUser, flowId: string): boolean;
  log: Logger;
}

/**
 * Each pod sees to the bindings of the groups that it serves and to the connections that end here or were proved here: a
 * change of the documents reaches them all.
 */
export interface Eviction {
  /**
   * Who is disabled, deleted or moved loses service at once, who may not be outside any more the service outside; whose
   * password changed has to prove it again.
   */
  directoryChanged(changes: readonly DocumentChange[]): void;
  /** The same for what has changed before this pod began to serve the group. */
  take(group: number): void;
}

const concernsAll = new Set<string>(['Topology', 'ExternalAccessPolicy', 'AccessEdgeConfiguration']);

export function createEviction(parts: EvictionParts): Eviction {
  const { bindings, find, flow, connections, isBarred, log } = parts;

  /** One pass over all connections for any number of users: a change may concern thousands of both. */
  const byUser = (): Map<string, Flow[]> => Map.groupBy(connections(), ({ identity }) => identity);

  /** The flow of a binding has proved nothing yet to a process that has just taken up its user. */
  function unproven(aor: string, applies: (flowId: string) => boolean): Flow[] {
    if (!bindings.users().has(aor)) return [];
    const bound = bindings.of(aor).filter(({ flowId }) => applies(flowId));
    const found = bound.map(({ flowId }) => flow(flowId)).filter((one) => one !== undefined);
    return found.filter(({ reliable, identity }) => reliable && identity === '');
  }

  function evict(aor: string, proven: readonly Flow[], applies: (flowId: string) => boolean): void {
    const ended = new Set([...proven.filter(({ id }) => applies(id)), ...unproven(aor, applies)]);
    bindings.remove(aor, ({ flowId }) => applies(flowId), 'not served any more');
    for (const connection of ended) connection.close('the user is not served any more');
    if (ended.size > 0) log.info({ aor, connections: ended.size }, 'connections of a user closed');
  }

  function review(aors: Iterable<string>, flowsOf: (aor: string) => readonly Flow[]): void {
    for (const aor of aors) {
      const user = find(aor);
      const serves = user?.spec.enabled === true;
      evict(aor, flowsOf(aor), (flowId) => !serves || isBarred(user, flowId));
    }
  }

  function reviewAll(): void {
    const flows = byUser();
    flows.delete('');
    review(new Set([...bindings.users().keys(), ...flows.keys()]), (aor) => flows.get(aor) ?? []);
  }

  function directoryChanged(changes: readonly DocumentChange[]): void {
    const known = changes.filter(({ before }) => before !== undefined);
    const flows = known.length > 0 ? byUser() : new Map<string, Flow[]>();
    const named = (kind: string) =>
      known.filter((change) => change.kind === kind).map(({ name }) => `sip:${name}`);
    for (const aor of named('Credential')) for (const open of flows.get(aor) ?? []) open.identity = '';
    review(named('User'), (aor) => flows.get(aor) ?? []);
    if (changes.some(({ kind }) => concernsAll.has(kind))) reviewAll();
  }

  return {
    directoryChanged,
    // Connections that are proved were looked at with every change of the documents.
    take: (group) => review([...bindings.usersOf(group)], () => []),
  };
}
