/** How much of a peer's input is taken in before it is refused. Sizes are bytes. */
export interface MessageLimits {
  /** One header line with its folded parts; the start line as well. */
  line: number;
  /** Number of header lines. */
  lines: number;
  /** The whole header section with the start line. */
  headers: number;
  body: number;
  uri: number;
}

export const defaultLimits: Readonly<MessageLimits> = {
  line: 8 * 1024,
  lines: 256,
  headers: 64 * 1024,
  body: 128 * 1024,
  uri: 2 * 1024,
};
