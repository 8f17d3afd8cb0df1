// What a role's configuration says of the pod as a member, and how it joins.
import { hostname } from 'node:os';
import { hostPort, label } from '../kinds/names.ts';
import type { Role } from '../kinds/topology.ts';
import type { Replica } from '../replica.ts';
import type { Members } from './members.ts';

/** For `hostConfig.extend({ ...memberConfig('director') })`. */
export const memberConfig = (role: Role) => ({
  pool: label.default(role).describe('the pool that this pod is in'),
  advertise: hostPort
    .optional()
    .describe(
      'host:port by which other pods reach the RPCs; by default `rpc`, with the port that was opened',
    ),
});

const ANY_ADDRESS = ['0.0.0.0', '::', ''];

/** Announces a pod whose RPC port is open; never rejects. A role that listens everywhere is reached by the machine's name. */
export function join(
  members: Pick<Members, 'announce'>,
  advertise: string | undefined,
  rpc: { address: string; port: number },
): void {
  const host = ANY_ADDRESS.includes(rpc.address) ? hostname() : rpc.address;
  const address = advertise ?? `${host.includes(':') ? `[${host}]` : host}:${rpc.port}`;
  // It ends unheard when the pod stops while NATS is away.
  members.announce({ address }).catch(() => {});
}

/**
 * The same for a pod that needs the configuration to judge what it gets: before it has one, and knows who else there is, it
 * would refuse everybody, so nobody is told of it.
 */
export function joinConfigured(
  members: Pick<Members, 'announce' | 'loaded' | 'onChange'>,
  replica: Pick<Replica, 'version' | 'onChange'>,
  advertise: string | undefined,
  rpc: { address: string; port: number },
): void {
  const offs = [members.onChange(look), replica.onChange(look)];
  function look(): void {
    if (!members.loaded || replica.version === 0) return;
    for (const off of offs.splice(0)) off();
    join(members, advertise, rpc);
  }
  look();
}
