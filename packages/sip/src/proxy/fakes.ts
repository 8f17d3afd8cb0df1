// What the tests of this folder stand on: flows that keep what was sent, and a transaction layer worked by hand.
import { NameAddr } from '../message/name-addr.ts';
import { SipRequest } from '../message/request.ts';
import { type ResponseOptions, SipResponse } from '../message/response.ts';
import type {
  ClientHandlers,
  ClientTransaction,
  ServerTransaction,
  TransactionLayer,
} from '../transaction/transaction.ts';
import type { Flow } from '../transport/flow.ts';

export function fakeFlow(id: string, transport: Flow['transport'] = 'tcp'): Flow {
  return {
    id,
    transport,
    reliable: transport !== 'udp',
    remote: { address: '192.0.2.1', port: 5060 },
    local: { address: '192.0.2.9', port: 5060 },
    sentBy: 'proxy.example.com:5060',
    identity: '',
    closed: false,
    send: () => true,
    close: () => undefined,
    onClose: () => () => undefined,
  };
}

export interface SentRequest {
  request: SipRequest;
  flow: Flow;
  cancelled: boolean;
  answer(status: number, options?: ResponseOptions & { reason?: string }): void;
  fail(kind: 'timeout' | 'transport'): void;
}

export interface FakeLayer extends TransactionLayer {
  sent: SentRequest[];
  stateless: SipRequest[];
}

export function fakeLayer(): FakeLayer {
  const sent: SentRequest[] = [];
  const stateless: SipRequest[] = [];
  const unused = () => {
    throw new Error('not for a proxy');
  };
  return {
    sent,
    stateless,
    receive: unused,
    accept: unused,
    reply: unused,
    stats: () => ({ server: 0, client: 0 }),
    underWay: () => [],
    close: () => undefined,
    request(request, flow, handlers, branch) {
      request.prepend('via', `SIP/2.0/TCP ${flow.sentBy};branch=${branch}`);
      const record = sentRequest(request, flow, handlers);
      sent.push(record);
      const cancel = () => {
        record.cancelled = true;
      };
      return { request, flow, cancel } satisfies ClientTransaction;
    },
    send(request, flow, branch) {
      request.prepend('via', `SIP/2.0/TCP ${flow.sentBy};branch=${branch}`);
      stateless.push(request);
      return true;
    },
  };
}

function sentRequest(request: SipRequest, flow: Flow, handlers: ClientHandlers): SentRequest {
  return {
    request,
    flow,
    cancelled: false,
    answer: (status, options = {}) =>
      handlers.onResponse(SipResponse.to(request, status, options.reason, options)),
    fail: (kind) => handlers.onError(kind),
  };
}

export interface FakeTransaction extends ServerTransaction {
  responses: SipResponse[];
  cancelByClient(): void;
}

export function fakeTransaction(request: SipRequest): FakeTransaction {
  const responses: SipResponse[] = [];
  const onCancel: ((cancel: SipRequest) => void)[] = [];
  return {
    request,
    flow: fakeFlow('upstream'),
    responses,
    get finished() {
      return responses.some((response) => response.status >= 200);
    },
    respond: (response) => void responses.push(response),
    onCancel: (listener) => void onCancel.push(listener),
    onError: () => undefined,
    cancelByClient: () => {
      for (const listener of onCancel) listener(requestOf('CANCEL'));
    },
  };
}

export function requestOf(method: string, headers: [string, string][] = []): SipRequest {
  return SipRequest.create(method, 'sip:bob@example.com', [
    ['via', 'SIP/2.0/TCP alice.example.org;branch=z9hG4bKalice'],
    ['max-forwards', '70'],
    ['from', '<sip:alice@example.org>;tag=a1'],
    ['to', '<sip:bob@example.com>'],
    ['call-id', 'call-1'],
    ['cseq', `1 ${method}`],
    ...headers,
  ]);
}

/** Everything that routes a request, for comparison. */
export function routeOf(request: SipRequest): { uri: string; route: string[] } {
  return {
    uri: request.uri,
    route: request.values('route').map((value) => NameAddr.parse(value).uri),
  };
}
