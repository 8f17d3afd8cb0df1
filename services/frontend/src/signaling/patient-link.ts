import type { PeerLink } from '@linchpin/host';

interface Held<F> {
  frame: F;
  until: number;
}

export interface PatientLink<F> extends PeerLink<F> {
  /** Call it when the link has come up. */
  flush(): void;
}

/**
 * What is sent while the stream is being opened again waits for it a moment: an Edge that has restarted takes requests
 * from clients a little before the Front Ends have found it, and they must not wait for answers in vain.
 */
export function createPatientLink<F>(
  link: PeerLink<F>,
  onClosed: () => void = () => {},
  patience = 5000,
  limit = 8192,
): PatientLink<F> {
  const held: Held<F>[] = [];
  return {
    get address() {
      return link.address;
    },
    get up() {
      return link.up;
    },
    send(frame) {
      if (link.up) return link.send(frame);
      const now = Date.now();
      while (held[0] !== undefined && held[0].until <= now) held.shift();
      if (held.length >= limit) return false;
      held.push({ frame, until: now + patience });
      return true;
    },
    flush() {
      const now = Date.now();
      for (const { frame, until } of held.splice(0)) if (until > now) link.send(frame);
    },
    close() {
      link.close();
      onClosed();
    },
  };
}
