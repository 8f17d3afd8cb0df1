import type { PeerLink } from '@linchpin/host';

interface Held<F> {
  frame: F;
  until: number;
}

export interface PatientLink<F> extends PeerLink<F> {
  /** Call it when the link has come up. */
  flush(): void;
}

export interface PatientLinkOptions {
  onClosed?(): void;
  /** Milliseconds. */
  patience?: number;
  /** Frames. */
  limit?: number;
  limitBytes?: number;
}

/**
 * What is sent while the stream is being opened again waits for it a moment: an Edge that has restarted takes requests
 * from clients a little before the Front Ends have found it, and they must not wait for answers in vain.
 */
export function createPatientLink<F extends { message: Uint8Array }>(
  link: PeerLink<F>,
  options: PatientLinkOptions = {},
): PatientLink<F> {
  const { onClosed, patience = 5000, limit = 8192, limitBytes = 16 * 1024 * 1024 } = options;
  const held: Held<F>[] = [];
  let taken = 0;

  function take(count: number): Held<F>[] {
    const first = held.splice(0, count);
    for (const { frame } of first) taken -= frame.message.length;
    return first;
  }

  function hold(frame: F): boolean {
    const now = Date.now();
    while (held[0] !== undefined && held[0].until <= now) take(1);
    if (held.length >= limit || taken + frame.message.length > limitBytes) return false;
    held.push({ frame, until: now + patience });
    taken += frame.message.length;
    return true;
  }

  return {
    get address() {
      return link.address;
    },
    get up() {
      return link.up;
    },
    send: (frame) => (link.up ? link.send(frame) : hold(frame)),
    flush() {
      const now = Date.now();
      for (const { frame, until } of take(held.length)) if (until > now) link.send(frame);
    },
    close() {
      link.close();
      onClosed?.();
    },
  };
}
