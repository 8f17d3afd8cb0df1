// The map of this role: which RPC goes where. There is nothing else by which CMS is reached.
import type { RpcServer } from '@linchpin/host';
import { type CmsServer, CmsService } from '@linchpin/proto/cms/v1/cms';

export type Handlers = Pick<CmsServer, keyof CmsServer>;

// The command line runs inside the pod too, where the pod's own certificate is at hand.
export const addRoutes = (rpc: RpcServer, handlers: Handlers): void =>
  rpc.addService(CmsService, { ...handlers }, { allow: ['admin', 'cms'] });
