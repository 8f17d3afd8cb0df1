import { type Client, Metadata, type ServiceError } from '@grpc/grpc-js';
import { type Batch, deliver, type Framed } from './batch.ts';
import { keepalive } from './keepalive.ts';
import type { Logger } from './log.ts';
import { Outbox } from './outbox.ts';
import type { PeerDown, PeerLinkOptions } from './peer-link.ts';
import { createRpcClient } from './rpc-client.ts';

/** The metadata key in which each end names its pod. */
export const POD_KEY = 'linchpin-pod';
export const QUEUE_LIMIT = 8192;

const CONNECT_TIMEOUT_MS = 3_000;
const CLOSE_GRACE_MS = 1_000;

/** One stream from its opening to its loss; a link has one after another. */
export interface PeerStream<F> {
  send(frame: F): boolean;
  /** Sends what is queued, then ends; cut off after a second. */
  close(): void;
}

export interface PeerStreamEvents {
  log: Logger;
  onUp(): void;
  /** Exactly once. */
  onLost(down: PeerDown): void;
}

export function openPeerStream<F extends Framed, C extends Client>(
  options: PeerLinkOptions<F, C>,
  { log, onUp, onLost }: PeerStreamEvents,
): PeerStream<F> {
  const client = createClient(options);
  const call = options.connect(client, podMetadata(options.pod));
  const outbox = new Outbox<F>(call, options.queueLimit ?? QUEUE_LIMIT);
  let timer = setTimeout(() => lose('no answer'), CONNECT_TIMEOUT_MS);
  let lost = false;

  function lose(reason: string): void {
    if (lost) return;
    lost = true;
    clearTimeout(timer);
    const dropped = outbox.close();
    call.cancel();
    client.close();
    onLost({ reason, dropped });
  }

  // The server sends its metadata when its handler has taken us in.
  call.on('metadata', () => {
    clearTimeout(timer);
    if (!lost) onUp();
  });
  call.on('data', (batch: Batch<F>) => lost || deliver(batch, options.onFrame, log));
  call.on('error', (error: ServiceError) => lose(error.details ?? error.message));
  call.on('end', () => lose('ended by the peer'));

  return {
    send: (frame) => outbox.push(frame),
    close() {
      if (lost) return;
      outbox.finish();
      call.end();
      clearTimeout(timer);
      timer = setTimeout(() => lose('closed'), CLOSE_GRACE_MS);
    },
  };
}

function createClient<F extends Framed, C extends Client>(options: PeerLinkOptions<F, C>): C {
  return createRpcClient(
    options.client,
    options.address,
    options.role,
    { client: () => options.credentials },
    {
      ...keepalive(options.keepaliveMs),
      // A connection of its own, opened anew each time: the peer's address may have changed, and its loss is ours alone.
      'grpc.use_local_subchannel_pool': 1,
    },
  );
}

export function podMetadata(pod: string): Metadata {
  const metadata = new Metadata();
  metadata.set(POD_KEY, pod);
  return metadata;
}
