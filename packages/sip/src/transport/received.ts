import type { SipRequest } from '../message/request.ts';
import type { Flow } from './flow.ts';

/**
 * Writes into the topmost Via where a request came from (RFC 3261 18.2.1, RFC 3581 4), over what the sender itself may
 * have put there. WebSocket clients have no address to tell, and theirs is that of a proxy as likely (RFC 7118 5.3).
 */
export function markReceived(request: SipRequest, flow: Flow): void {
  const { via } = request;
  const { address, port } = flow.remote;
  const wantsPort = via.params.has('rport');
  const isWebSocket = flow.transport === 'ws' || flow.transport === 'wss';
  const tells = wantsPort || (!isWebSocket && bare(via.host) !== address);
  if (!tells && !via.params.has('received')) return;
  if (tells) via.params.set('received', address);
  else via.params.delete('received');
  if (wantsPort) via.params.set('rport', String(port));
  request.replaceFirst('via', String(via));
}

function bare(host: string): string {
  return host.startsWith('[') ? host.slice(1, -1) : host;
}
