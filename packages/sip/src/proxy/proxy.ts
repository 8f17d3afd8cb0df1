import { SipError } from '../message/error.ts';
import type { SipRequest } from '../message/request.ts';
import { SipResponse } from '../message/response.ts';
import { createLoopDetection } from './loop-detection.ts';
import { takeOwnRoutes } from './own-routes.ts';
import { ResponseContext } from './response-context.ts';
import { relayStateless } from './stateless.ts';
import type { Forwarding, ProxyOptions, Refusal, SipProxy, Target } from './target.ts';
import { validateForProxy } from './validation.ts';

/** Longer than three minutes by enough to let what rings for three minutes end by itself. */
const defaultTimerC = 190_000;

/** The proxy core of RFC 3261 16. Which targets a request has is decided by its caller. */
export function createProxy(options: ProxyOptions): SipProxy {
  const { layer, routeHere, timerC = defaultTimerC } = options;
  const loops = createLoopDetection();
  const rules = {
    schemes: options.schemes ?? ['sip', 'sips', 'tel'],
    extensions: (options.extensions ?? []).map((tag) => tag.toLowerCase()),
    loops,
  };

  function validate(request: SipRequest): Refusal | undefined {
    try {
      return validateForProxy(request, rules);
    } catch (error) {
      if (error instanceof SipError) return { status: error.status, reason: error.reason, headers: [] };
      throw error;
    }
  }

  function forward(forwarding: Forwarding): void {
    const { request: received, finished } = forwarding.transaction;
    // Answered, or given up, while the caller looked for the targets.
    if (finished) return forwarding.onFinal?.(undefined);
    const refusal = validate(received);
    if (refusal) return refuse(forwarding, refusal);
    const mark = loops.mark(received);
    new ResponseContext(forwarding, { layer, timerC, newBranch: () => loops.branch(mark) }).start();
  }

  return {
    validate,
    prepare: (request) => takeOwnRoutes(request, routeHere),
    forward,
    relayAck(ack: SipRequest, target: Target) {
      if (!validate(ack)) relayStateless(layer, loops, ack, target);
    },
  };
}

function refuse({ transaction, upstream, onFinal }: Forwarding, { status, reason, headers }: Refusal): void {
  const own = SipResponse.to(transaction.request, status, reason, { headers });
  const response = upstream ? upstream(own, true) : own;
  transaction.respond(response);
  onFinal?.(response);
}
