import type { Call } from '../signaling/call.ts';
import { uriTransport } from '../uri-transport.ts';
import type { Binding } from './binding.ts';
import type { Registration } from './registration.ts';

export interface Granted {
  wanted: Registration;
  bindings: readonly Binding[];
  /** host:port of this server as the client knows it. */
  host: string;
  /** Seconds. */
  flowTimer: number;
  now: number;
}

/** RFC 3261 10.3 step 8: all bindings with what is left of their time. */
export function answerRegistration({ flow, request }: Call, granted: Granted): [string, string][] {
  const { wanted, bindings, host, flowTimer, now } = granted;
  const headers = bindings.map((binding): [string, string] => ['Contact', contactOf(binding, now)]);
  if (wanted.contacts.length > 0) {
    // RFC 3608 5: by it the client's requests come here, also where a name would lead to another pod.
    headers.push(['Service-Route', `<sip:${host};transport=${uriTransport(flow.transport)};lr>`]);
    for (const path of wanted.path) headers.push(['Path', path]);
  }
  if (wanted.outbound) headers.push(['Require', 'outbound'], ['Flow-Timer', String(flowTimer)]);
  if (request.has('supported')) headers.push(['Supported', 'path, outbound']);
  headers.push(['Date', new Date(now).toUTCString()]);
  return headers;
}

function contactOf({ contact, params = '', expiresAt }: Binding, now: number): string {
  return `<${contact}>${params};expires=${Math.max(1, Math.ceil((expiresAt - now) / 1000))}`;
}
