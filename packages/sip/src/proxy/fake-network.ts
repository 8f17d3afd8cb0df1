// For tests: user agents and proxies on real transaction layers, joined by flows in memory.
import { NameAddr } from '../message/name-addr.ts';
import { parseMessage } from '../message/parse.ts';
import { SipRequest } from '../message/request.ts';
import { type ResponseOptions, SipResponse } from '../message/response.ts';
import { createTransactionLayer } from '../transaction/layer.ts';
import type { ServerTransaction, TransactionLayer } from '../transaction/transaction.ts';
import type { Flow } from '../transport/flow.ts';
import { createProxy } from './proxy.ts';
import { createRouteTokens } from './route-token.ts';
import type { SipProxy, Target } from './target.ts';

export interface Node {
  host: string;
  layer: TransactionLayer;
  flows: Map<string, Flow>;
  /** Start lines of all that arrived. */
  heard: string[];
}

/** Both ends of a connection; each is named after the other side. */
export function connect(one: Node, other: Node): void {
  const toOther = flowEnd(one, other);
  const toOne = flowEnd(other, one);
  one.flows.set(
    other.host,
    toOther(() => other.flows.get(one.host)),
  );
  other.flows.set(
    one.host,
    toOne(() => one.flows.get(other.host)),
  );
}

function flowEnd(from: Node, to: Node) {
  return (back: () => Flow | undefined): Flow => ({
    id: to.host,
    transport: 'tcp',
    reliable: true,
    remote: { address: to.host, port: 5060 },
    local: { address: from.host, port: 5060 },
    sentBy: `${from.host}:5060`,
    identity: '',
    closed: false,
    send(bytes) {
      const message = parseMessage(Buffer.from(bytes));
      queueMicrotask(() => deliver(message, to, back() as Flow));
      return true;
    },
    close: () => undefined,
    onClose: () => () => undefined,
  });
}

function deliver(message: SipRequest | SipResponse, to: Node, flow: Flow): void {
  to.heard.push(message instanceof SipRequest ? message.method : `${message.status} ${message.cseq.method}`);
  to.layer.receive(message, flow);
}

/** Lets everything arrive that is on its way. */
export async function quiet(): Promise<void> {
  await new Promise(setImmediate);
}

export interface Phone extends Node {
  calls: { request: SipRequest; transaction: ServerTransaction; cancelled: boolean }[];
  acks: SipRequest[];
  responses: SipResponse[];
  /** Sends over the first flow. */
  send(request: SipRequest): { cancel(): void };
  ack(request: SipRequest): void;
  /** Answers the last request. */
  answer(status: number, options?: ResponseOptions): void;
}

export function createPhone(host: string): Phone {
  const outbound = () => phone.flows.values().next().value as Flow;
  const layer = createTransactionLayer({
    onRequest(request, flow) {
      const call = { request, transaction: layer.accept(request, flow), cancelled: false };
      call.transaction.onCancel(() => {
        call.cancelled = true;
        call.transaction.respond(SipResponse.to(request, 487));
      });
      phone.calls.push(call);
    },
    onAck: (ack) => void phone.acks.push(ack),
  });
  const phone: Phone = {
    host,
    layer,
    flows: new Map(),
    heard: [],
    calls: [],
    acks: [],
    responses: [],
    send: (request) =>
      layer.request(request, outbound(), {
        onResponse: (response) => void phone.responses.push(response),
        onError: () => undefined,
      }),
    ack: (request) => void layer.send(request, outbound()),
    answer(status, options = {}) {
      const { request, transaction } = phone.calls.at(-1) as Phone['calls'][0];
      const contact: [string, string] = ['contact', `<sip:${host}>`];
      transaction.respond(
        SipResponse.to(request, status, undefined, {
          ...options,
          headers: [contact, ...(options.headers ?? [])],
        }),
      );
    },
  };
  return phone;
}

export interface ProxyNode extends Node {
  proxy: SipProxy;
  /** Where requests go that have no Route of this proxy: names of neighbours, each with a Request-URI. */
  targets: { host: string; uri: string; q?: number }[];
}

/** Double record-routing with flow tokens, as a server does that keeps its clients' connections (RFC 5658, RFC 5626 5.3). */
export function createProxyNode(host: string): ProxyNode {
  const tokens = createRouteTokens(Buffer.from(host));
  const uriFor = (flow: Flow) => `<sip:${tokens.make(flow.id)}@${host};lr>`;
  const layer = createTransactionLayer({
    onRequest(received, flow) {
      const transaction = layer.accept(received, flow);
      const prepared = node.proxy.prepare(received);
      node.proxy.forward({
        transaction,
        request: prepared.request,
        targets: targetsOf(prepared.request, prepared.tokens),
        recordRoutes: (_target, out) => [uriFor(out), uriFor(flow)],
      });
    },
    onAck(received) {
      const { request, tokens: own } = node.proxy.prepare(received);
      const [target] = targetsOf(request, own);
      if (target) node.proxy.relayAck(request, target);
    },
  });
  const targetsOf = (request: SipRequest, own: string[]): Target[] => {
    const flowId = own.at(-1);
    if (flowId !== undefined) return [{ uri: request.uri, flow: () => node.flows.get(flowId) }];
    return node.targets.map((one) => ({ ...one, flow: () => node.flows.get(one.host) }));
  };
  const node: ProxyNode = {
    host,
    layer,
    flows: new Map(),
    heard: [],
    targets: [],
    proxy: createProxy({
      layer,
      routeHere: (uri) => (uri.host === host ? tokens.check(uri.user ?? '') : undefined),
    }),
  };
  return node;
}

let calls = 0;

export function outOfDialog(method: string, uri: string, from: Phone): SipRequest {
  return SipRequest.create(
    method,
    uri,
    [
      ['max-forwards', '70'],
      ['from', `<sip:${from.host}>;tag=${from.host}`],
      ['to', `<${uri}>`],
      ['call-id', `call-${++calls}`],
      ['cseq', `1 ${method}`],
      ['contact', new NameAddr(`sip:${from.host}`).toString()],
    ],
    Buffer.from('body'),
  );
}
