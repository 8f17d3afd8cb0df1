// The map of this role: which RPC goes where. There is nothing else by which CMS is reached.
import { status } from '@grpc/grpc-js';
import type { RpcServer } from '@linchpin/host';
import { type CmsServer, CmsService } from '@linchpin/proto/cms/v1/cms';

export type Handlers = Pick<CmsServer, 'publish' | 'get' | 'listReplicas'> & Partial<CmsServer>;

export const addRoutes = (rpc: RpcServer, handlers: Handlers): void =>
  rpc.addService(CmsService, { ...notYet, ...handlers }, { allow: ['admin'] });

const refuse = () => {
  throw { code: status.UNIMPLEMENTED, details: 'this CMS does not know the other pods' };
};
const notYet = { listMembers: refuse, getPool: refuse, describeUser: refuse, drainPod: refuse };
