/** Edges take a message or two to move to another Director. */
const QUIET_MS = 1_000;

/** Whether Edges still bring anything. */
export interface Quiet {
  /** A frame has come. */
  stir(): void;
  /** Nothing has come for a while. */
  readonly now: boolean;
}

export function createQuiet(now: () => number = () => performance.now()): Quiet {
  let last = now();
  return {
    stir() {
      last = now();
    },
    get now() {
      return now() - last > QUIET_MS;
    },
  };
}
