import type { Flow, SipRequest, SipResponse, TransactionFailure, TransactionLayer } from '@linchpin/sip';
import { preference } from '@linchpin/topology';
import { Refused } from '../refused.ts';
import type { ServedCall } from '../signaling/served-call.ts';
import type { Telemetry } from '../telemetry.ts';

export interface RoomsParts {
  layer: Pick<TransactionLayer, 'request'>;
  /** The pods of Persistent Chat. */
  pods(): readonly string[];
  isUp(pod: string): boolean;
  isDraining(pod: string): boolean;
  /** The way to such a pod in the name of a proven sender. */
  speaker(pod: string, identity: string): Flow;
  withoutCredentials(request: SipRequest): SipRequest;
  /** The header for who may come again soon. */
  retryAfter(): [name: string, value: string][];
  telemetry: Pick<Telemetry, 'response' | 'message'>;
}

/** Brings requests for rooms to Persistent Chat, and its answers back. */
export interface Rooms {
  pass(call: ServedCall): void;
  /** The stream to a pod has ended: what it has not answered goes to another one. */
  podGone(pod: string): void;
}

/** A request that waits for its answer. */
interface Asked {
  call: ServedCall;
  request: SipRequest;
  /** In the order of trial; the last one has it. */
  pods: string[];
}

/**
 * A request that was lost with its pod is passed on once more. That is safe: posts are known by Call-ID and CSeq, which no hop changes,
 * so that none is stored twice, and nothing else that is asked changes more when it is asked again.
 */
const MOST_TRIALS = 2;

export function createRooms(parts: RoomsParts): Rooms {
  const { layer, pods, isUp, isDraining, speaker, withoutCredentials, retryAfter, telemetry } = parts;
  const waiting = new Set<Asked>();

  /** Each room has its pod as long as that is there: it then also tells the room's members. */
  function podFor({ call, pods: tried }: Asked): string | undefined {
    const left = pods().filter((pod) => isUp(pod) && !tried.includes(pod));
    const staying = left.filter((pod) => !isDraining(pod));
    const room = call.request.parsedUri.user?.toLowerCase() ?? '';
    return preference(room, staying.length > 0 ? staying : left)[0];
  }

  function tryNext(asked: Asked): void {
    const pod = asked.pods.length < MOST_TRIALS ? podFor(asked) : undefined;
    if (pod === undefined) return refuse(asked, unserved());
    asked.pods.push(pod);
    waiting.add(asked);
    const isCurrent = (): boolean => waiting.has(asked) && asked.pods.at(-1) === pod;
    layer.request(asked.request.clone(), speaker(pod, asked.call.identity), {
      onResponse(response) {
        if (response.status >= 200 && isCurrent()) answered(asked, response);
      },
      onError(kind) {
        if (isCurrent()) failed(asked, kind);
      },
    });
  }

  const unserved = (): Refused =>
    new Refused(503, 'Persistent Chat cannot be reached right now', 'no-chat', retryAfter());

  function answered(asked: Asked, response: SipResponse): void {
    const { transaction, request } = asked.call;
    waiting.delete(asked);
    response.dropFirst('via');
    if (transaction.finished) return;
    transaction.respond(response);
    count(request.method, response.status);
  }

  function failed(asked: Asked, kind: TransactionFailure): void {
    waiting.delete(asked);
    if (kind === 'transport') return tryNext(asked);
    refuse(asked, new Refused(408, 'Persistent Chat does not answer', 'no-answer'));
  }

  function refuse({ call }: Asked, refused: Refused): void {
    call.fail(refused);
    if (call.request.method === 'MESSAGE') telemetry.message('failed');
  }

  function count(method: string, status: number): void {
    telemetry.response(method, status);
    if (method === 'MESSAGE') telemetry.message(status < 300 ? 'delivered' : 'failed');
  }

  return {
    pass(call) {
      if (pods().length === 0) throw new Refused(404, 'No such user here', 'no-such-user');
      const clean = withoutCredentials(call.request);
      const request = clean === call.request ? clean.clone() : clean;
      request.set('max-forwards', String((request.maxForwards ?? 71) - 1));
      tryNext({ call, request, pods: [] });
    },
    podGone(pod) {
      for (const asked of [...waiting]) {
        if (asked.pods.at(-1) !== pod) continue;
        waiting.delete(asked);
        tryNext(asked);
      }
    },
  };
}
