// The map of this role: which RPC goes where. There is nothing else by which CMS is reached.
import type { RpcServer } from '@linchpin/host';
import { type CmsServer, CmsService } from '@linchpin/proto/cms/v1/cms';

export type Handlers = Pick<CmsServer, 'publish' | 'get' | 'listReplicas'>;

export const addRoutes = (rpc: RpcServer, { publish, get, listReplicas }: Handlers): void =>
  rpc.addService(CmsService, { publish, get, listReplicas }, { allow: ['admin'] });
