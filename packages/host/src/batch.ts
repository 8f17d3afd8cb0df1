import type { Logger } from './log.ts';

/** What travels: the generated message of a `stream Batch` RPC. */
export interface Batch<F> {
  frames: F[];
}

/** Frames that carry bytes carry them here, so that a batch stays far below the limit of one gRPC message. */
export interface Framed {
  message?: Uint8Array;
}

/** One frame that trips its handler must cost neither the rest of the batch nor the process. */
export function deliver<F>({ frames }: Batch<F>, onFrame: (frame: F) => void, log: Logger): void {
  for (const frame of frames) {
    try {
      onFrame(frame);
    } catch (error) {
      log.error({ err: error }, "a peer's frame could not be handled");
    }
  }
}
