import {
  createHealth,
  createLog,
  createPeerLink,
  createPeerServer,
  createRpcServer,
  type Mtls,
  type Peer,
} from '@linchpin/host';
import { FlowEvent, type Frame, RelayClient, RelayService } from '@linchpin/proto/relay/v1/relay';
import { parseMessage, SipRequest, type SipResponse } from '@linchpin/sip';

export interface NeighbourOptions {
  role: string;
  pod: string;
  mtls: Mtls;
  /** Roles that may call it. */
  allow: string[];
  port?: number;
  /** What it answers to a request; undefined: nothing. */
  answer?(request: SipRequest, frame: Frame): SipResponse | undefined;
  /** Takes the answers; without it they go back on the stream that the request came on. */
  onAnswer?(frame: Frame): void;
  /** Told about each frame, before it is answered. */
  onAsked?(frame: Frame, from: string): void;
}

/** A neighbouring role that is not there: takes Relay streams, answers from fixtures and remembers what it was asked. */
export interface Neighbour {
  readonly address: string;
  readonly asked: readonly Frame[];
  /** Pods that have a stream open. */
  readonly callers: ReadonlyMap<string, Peer<Frame>>;
  /** Resolves with the first frame, past or to come, for which `match` holds. */
  next(match?: (frame: Frame) => boolean, milliseconds?: number): Promise<Frame>;
  send(pod: string, frame: Partial<Frame>): boolean;
  stop(): Promise<void>;
}

const silent = createLog({ name: 'neighbour', role: 'neighbour', level: 'silent' });

/** Waits on a growing list. */
export function createInbox<T>() {
  const items: T[] = [];
  const watchers = new Set<() => void>();
  return {
    items: items as readonly T[],
    push(item: T): void {
      items.push(item);
      for (const watcher of [...watchers]) watcher();
    },
    next(match: (item: T) => boolean = () => true, milliseconds = 10_000): Promise<T> {
      return new Promise((resolve, reject) => {
        const look = (): void => {
          const found = items.find(match);
          if (found === undefined) return;
          clearTimeout(timer);
          watchers.delete(look);
          resolve(found);
        };
        const timer = setTimeout(() => {
          watchers.delete(look);
          reject(new Error(`nothing that matches came in ${milliseconds} ms; ${items.length} other(s) did`));
        }, milliseconds);
        watchers.add(look);
        look();
      });
    },
  };
}

export async function startNeighbour(options: NeighbourOptions): Promise<Neighbour> {
  const { pod, mtls, allow, answer, onAnswer, onAsked } = options;
  const inbox = createInbox<Frame>();
  const streams = createPeerServer<Frame>({
    pod,
    log: silent,
    onFrame(frame, peer) {
      onAsked?.(frame, peer.pod);
      inbox.push(frame);
      if (answer === undefined || frame.event !== FlowEvent.UNSPECIFIED) return;
      const message = parseMessage(frame.message);
      const response = message instanceof SipRequest ? answer(message, frame) : undefined;
      if (response === undefined) return;
      const reply = { ...frame, message: response.toBuffer() };
      if (onAnswer === undefined) peer.send(reply);
      else onAnswer(reply);
    },
  });
  const health = createHealth();
  const server = createRpcServer({
    address: '127.0.0.1',
    port: options.port ?? 0,
    mtls,
    health,
    log: silent,
  });
  server.addService(RelayService, { connect: streams.handler }, { allow });
  await server.listen();
  return {
    address: `127.0.0.1:${server.port}`,
    asked: inbox.items,
    callers: streams.peers,
    next: inbox.next,
    send: (to, frame) => streams.send(to, fullFrame(frame)),
    async stop() {
      streams.close();
      await server.stop(0);
    },
  };
}

/** A frame with every field that is not given left empty. */
export const fullFrame = (frame: Partial<Frame>): Frame => ({
  message: Buffer.alloc(0),
  flow: '',
  event: FlowEvent.UNSPECIFIED,
  identity: '',
  transport: 'tls',
  remoteAddress: '192.0.2.1',
  remotePort: 40_000,
  traceparent: '',
  sentBy: '',
  hops: 0,
  ...frame,
});

export interface Caller {
  readonly frames: readonly Frame[];
  next(match?: (frame: Frame) => boolean, milliseconds?: number): Promise<Frame>;
  send(frame: Partial<Frame>): boolean;
  /** Resolves when the stream is open. */
  readonly up: Promise<void>;
  close(): void;
}

/** A neighbouring role that calls: an Edge towards a Director, a Director towards a Front End, a Front End towards an Edge. */
export function callAs(
  pod: string,
  mtls: Mtls,
  role: string,
  address: string,
  onFrame: (frame: Frame) => void = () => {},
): Caller {
  const inbox = createInbox<Frame>();
  let onUp = (): void => {};
  const up = new Promise<void>((resolve) => {
    onUp = resolve;
  });
  const link = createPeerLink<Frame, RelayClient>({
    address,
    role,
    credentials: mtls.client(),
    pod,
    client: RelayClient,
    connect: (client, metadata) => client.connect(metadata),
    onFrame(frame) {
      onFrame(frame);
      inbox.push(frame);
    },
    onUp,
    log: silent,
  });
  return {
    frames: inbox.items,
    next: inbox.next,
    send: (frame) => link.send(fullFrame(frame)),
    up,
    close: () => link.close(),
  };
}
