// The map of what this role serves by gRPC, and to whom. HTTPS is in web/table.ts; SIP comes by the Relay service, see sip/sip.ts.
import type { RpcServer } from '@linchpin/host';
import { ChatService } from '@linchpin/proto/chat/v1/chat';
import { ComplianceService } from '@linchpin/proto/chat/v1/compliance';
import type { ComplianceHandlers } from './compliance/rpc.ts';
import type { ChatHandlers } from './rpc/rpc.ts';

export interface Handlers {
  chat: ChatHandlers;
  compliance: ComplianceHandlers;
}

export function addRoutes(rpc: RpcServer, { chat, compliance }: Handlers): void {
  // Front Ends speak for users whom they have authenticated; administrators, and CMS for them, also for themselves.
  rpc.addService(ChatService, { ...chat }, { allow: ['admin', 'cms', 'frontend'] });
  rpc.addService(ComplianceService, { ...compliance }, { allow: ['admin', 'cms'] });
}
