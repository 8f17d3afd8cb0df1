// What administrators ask, as it arrives by gRPC.
import { status } from '@grpc/grpc-js';
import type { FrontendServer } from '@linchpin/proto/frontend/v1/frontend';
import { placeOfUser } from '@linchpin/topology';
import { describeUser, type UserParts } from './describe-user.ts';
import { describePool, type PoolParts } from './get-pool.ts';

export interface AdminParts extends PoolParts, Omit<UserParts, 'where'> {
  /** Whether such a user is homed in this pool. */
  isHomed(aor: string): boolean;
}

export function createFrontendRpc(parts: AdminParts): FrontendServer {
  const { pool, isHomed } = parts;
  const where = (aor: string) => placeOfUser(describePool(parts), aor);
  return {
    describeUser({ request: { user } }, answer) {
      if (isHomed(user)) answer(null, describeUser({ ...parts, where }, user));
      else answer({ code: status.NOT_FOUND, details: `${user} is not homed in pool ${pool}` });
    },
    getPool({ request }, answer) {
      if (request.pool === '' || request.pool === pool) answer(null, describePool(parts));
      else answer({ code: status.NOT_FOUND, details: `this pod is in pool ${pool}, not ${request.pool}` });
    },
  };
}
