import type { Logger } from '@linchpin/host';
import { diagnostics, type Flow, newTag, type SipRequest } from '@linchpin/sip';
import type { Refused } from '../refused.ts';
import type { Telemetry } from '../telemetry.ts';
import { ruleCode } from './rules.ts';

export interface RefusedRequest {
  request: SipRequest;
  flow: Flow;
  identity?: string;
  traceparent: string;
}

/** Logs and counts a refusal; returns the ms-diagnostics header that names the log line. */
export type Refusals = (refused: Refused, about: RefusedRequest) => [name: string, value: string];

export function createRefusals(pod: string, log: Logger, telemetry: Telemetry): Refusals {
  return ({ status, message, rule }, { request, flow, identity, traceparent }) => {
    const id = newTag();
    telemetry.refusal(rule);
    const level = status >= 500 ? 'warn' : 'info';
    log[level](
      {
        id,
        rule,
        status,
        reason: message,
        method: request.method,
        uri: request.uri,
        from: request.get('from'),
        to: request.get('to'),
        callId: request.get('call-id'),
        identity: identity ?? flow.identity,
        flow: flow.id,
        source: `${flow.remote.address}:${flow.remote.port}`,
        traceparent,
      },
      'refused',
    );
    return diagnostics(ruleCode(rule), message, pod, id);
  };
}
