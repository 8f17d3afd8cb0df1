import { createPeerServer, type Logger, type PeerServer } from '@linchpin/host';
import { FlowEvent, type Frame } from '@linchpin/proto/relay/v1/relay';
import { createTransactionLayer, parseMessage, SipError, SipRequest, type SipResponse } from '@linchpin/sip';
import type { FrontEnds } from './front-ends.ts';
import { StreamFlow } from './stream-flow.ts';

/** A request that a Front End has brought, of a sender whom it has proved. */
export interface Asked {
  request: SipRequest;
  /** `sip:alice@contoso.lab` */
  identity: string;
  traceparent: string;
  respond(response: SipResponse): void;
}

/** The final status; `no-answer`: the time of the transaction is over; `lost`: it is not known whether it has arrived. */
export type Answer = number | 'no-answer' | 'lost';

export interface RelayParts {
  pod: string;
  domain: string;
  frontEnds: Pick<FrontEnds, 'send'>;
  onAsked(asked: Asked): void;
  log: Logger;
}

export interface Relay {
  /** What serves `Relay/Connect`. */
  readonly handler: PeerServer<Frame>['handler'];
  /** A request of a room, by way of this Front End. */
  say(request: SipRequest, room: { uri: string; address: string }, frontEnd: string): Promise<Answer>;
  /** The stream to a Front End has ended, and what it had in hand may be lost. */
  frontEndDown(frontEnd: string): void;
  close(): void;
}

/** SIP between Front Ends and rooms. */
export function createRelay({ pod, domain, frontEnds, onAsked, log }: RelayParts): Relay {
  const sentBy = `${pod}.${domain}`;
  const losers = new Map<string, Set<() => void>>();

  const layer = createTransactionLayer({
    onRequest(request, flow) {
      const transaction = layer.accept(request, flow);
      const { traceparent = '' } = flow as Partial<StreamFlow>;
      onAsked({
        request,
        identity: flow.identity,
        traceparent,
        respond: (response) => transaction.respond(response),
      });
    },
    // Rooms are in no dialogs.
    onAck() {},
  });

  function receive(frame: Frame, from: string): void {
    const message = messageIn(frame, from);
    if (message === undefined) return;
    const { flow: id, identity, traceparent } = frame;
    if (identity === '' && message instanceof SipRequest)
      return log.error({ from, flow: id }, 'a request without an identity was dropped');
    const send = (bytes: Uint8Array): boolean => streams.send(from, frameOf(id, '', bytes, traceparent));
    layer.receive(message, new StreamFlow({ id, identity, traceparent, sentBy, send }));
  }

  function messageIn({ message, flow, event }: Frame, from: string): SipRequest | SipResponse | undefined {
    if (event !== FlowEvent.UNSPECIFIED) return undefined;
    try {
      return parseMessage(message);
    } catch (error) {
      if (!(error instanceof SipError)) throw error;
      log.warn({ from, flow, reason: error.reason }, 'unreadable frame dropped');
      return undefined;
    }
  }

  const streams = createPeerServer<Frame>({
    pod,
    log,
    onFrame: (frame, peer) => receive(frame, peer.pod),
  });

  return {
    handler: streams.handler,
    say(request, { uri, address }, frontEnd) {
      const id = `${pod}/room/${address}`;
      const send = (bytes: Uint8Array): boolean => frontEnds.send(frontEnd, frameOf(id, uri, bytes));
      const { promise, resolve } = Promise.withResolvers<Answer>();
      const lose = (): void => resolve('lost');
      const waiting = losers.get(frontEnd) ?? new Set();
      losers.set(frontEnd, waiting.add(lose));
      layer.request(request, new StreamFlow({ id, identity: uri, sentBy, send }), {
        onResponse({ status }) {
          if (status >= 200) resolve(status);
        },
        onError: (kind) => resolve(kind === 'timeout' ? 'no-answer' : 'lost'),
      });
      return promise.finally(() => waiting.delete(lose));
    },
    frontEndDown(frontEnd) {
      for (const lose of [...(losers.get(frontEnd) ?? [])]) lose();
    },
    close() {
      streams.close();
      layer.close();
    },
  };
}

const frameOf = (flow: string, identity: string, message: Uint8Array, traceparent = ''): Frame => ({
  message: message as Buffer,
  flow,
  event: FlowEvent.UNSPECIFIED,
  identity,
  transport: 'tls',
  remoteAddress: '',
  remotePort: 0,
  traceparent,
  sentBy: '',
  hops: 0,
});
