import { type handleBidiStreamingCall, type ServerDuplexStream, status } from '@grpc/grpc-js';
import { type Batch, deliver, type Framed } from './batch.ts';
import { callerRole } from './caller.ts';
import type { Logger } from './log.ts';
import { Outbox } from './outbox.ts';
import type { PeerDown } from './peer-link.ts';
import { POD_KEY, podMetadata, QUEUE_LIMIT } from './peer-stream.ts';

/** One pod that has opened its stream to us. */
export interface Peer<F> {
  readonly pod: string;
  /** Proven by its certificate. */
  readonly role: string;
  readonly up: boolean;
  /** false: not taken, because the peer is gone or does not read. */
  send(frame: F): boolean;
  /** Sends what is queued, then ends the stream. */
  close(): void;
}

export interface PeerServerOptions<F> {
  onFrame(frame: F, peer: Peer<F>): void;
  onPeer?(peer: Peer<F>): void;
  onPeerGone?(peer: Peer<F>, down: PeerDown): void;
  /** This end's pod name, told to the peer. */
  pod: string;
  log: Logger;
  /** Frames held for a peer that does not read, 8192. */
  queueLimit?: number;
}

export interface PeerServer<F> {
  /** The implementation of the bidirectional RPC. */
  readonly handler: handleBidiStreamingCall<Batch<F>, Batch<F>>;
  readonly peers: ReadonlyMap<string, Peer<F>>;
  /** false: not taken, because there is no such peer or it does not read. */
  send(pod: string, frame: F): boolean;
  /** Ends all streams and takes no new ones. */
  close(): void;
}

type Call<F> = ServerDuplexStream<Batch<F>, Batch<F>>;

/** The answering end of peer links. A pod that comes again takes the place of its old stream. */
export function createPeerServer<F extends Framed>(options: PeerServerOptions<F>): PeerServer<F> {
  const peers = new Map<string, ServedPeer<F>>();
  let closed = false;

  function take(call: Call<F>, pod: string, role: string): void {
    peers.get(pod)?.lose('replaced by a new stream');
    const peer = new ServedPeer(call, pod, role, options, (down) => {
      peers.delete(pod);
      options.onPeerGone?.(peer, down);
    });
    peers.set(pod, peer);
    call.sendMetadata(podMetadata(options.pod));
    options.onPeer?.(peer);
  }

  return {
    handler(call) {
      const pod = podOf(call);
      const role = callerRole(call);
      // Whoever is told to go comes again at once; by then the port is closed, or this says so.
      if (closed) return refuse(call, status.UNAVAILABLE, `${options.pod} stops`);
      if (!pod) return refuse(call, status.INVALID_ARGUMENT, `metadata "${POD_KEY}" is missing`);
      if (!role) return refuse(call, status.PERMISSION_DENIED, "the caller's certificate names no role");
      // A pod's name is only its own word, so it must not displace the stream of another role.
      if ((peers.get(pod)?.role ?? role) !== role)
        return refuse(call, status.ALREADY_EXISTS, `"${pod}" is taken`);
      take(call, pod, role);
    },
    peers,
    send: (pod, frame) => peers.get(pod)?.send(frame) ?? false,
    close() {
      closed = true;
      for (const peer of [...peers.values()]) peer.close();
    },
  };
}

function podOf(call: Call<never>): string | undefined {
  const [pod] = call.metadata.get(POD_KEY);
  return typeof pod === 'string' && pod !== '' ? pod : undefined;
}

function refuse(call: Call<never>, code: status, details: string): void {
  call.emit('error', { code, details });
}

class ServedPeer<F extends Framed> implements Peer<F> {
  readonly pod: string;
  readonly role: string;
  readonly #call: Call<F>;
  readonly #outbox: Outbox<F>;
  readonly #onGone: (down: PeerDown) => void;
  #up = true;

  constructor(
    call: Call<F>,
    pod: string,
    role: string,
    { onFrame, log, queueLimit }: PeerServerOptions<F>,
    onGone: (down: PeerDown) => void,
  ) {
    this.pod = pod;
    this.role = role;
    this.#call = call;
    this.#onGone = onGone;
    this.#outbox = new Outbox<F>(call, queueLimit ?? QUEUE_LIMIT);
    // What a replaced stream still holds must not mix with what came on the new one.
    call.on('data', (batch: Batch<F>) => this.#up && deliver(batch, (frame) => onFrame(frame, this), log));
    call.on('end', () => this.lose('stream ended'));
    call.on('cancelled', () => this.lose('connection lost'));
    call.on('error', (error) => this.lose(error.message));
    call.on('close', () => this.lose('closed'));
  }

  get up(): boolean {
    return this.#up;
  }

  send(frame: F): boolean {
    return this.#outbox.push(frame);
  }

  close(): void {
    this.#outbox.finish();
    this.lose('closed');
  }

  lose(reason: string): void {
    if (!this.#up) return;
    this.#up = false;
    const dropped = this.#outbox.close();
    this.#call.end();
    this.#onGone({ reason, dropped });
  }
}
