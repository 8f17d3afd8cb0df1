// The map of this role: which RPC goes where. There is nothing else by which CMS is reached.
import type { RpcServer } from '@linchpin/host';
import { type CmsServer, CmsService } from '@linchpin/proto/cms/v1/cms';
import type { PassedOn } from './pods/pass-on.ts';

export type Handlers = Pick<CmsServer, keyof CmsServer>;

// The command line runs inside the pod too, where the pod's own certificate is at hand.
export function addRoutes(rpc: RpcServer, handlers: Handlers, passedOn: readonly PassedOn[]): void {
  const access = { allow: ['admin', 'cms'] };
  rpc.addService(CmsService, { ...handlers }, access);
  for (const { definition, handlers } of passedOn) rpc.addService(definition, handlers, access);
}
