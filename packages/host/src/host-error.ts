/** How a role's process ends; after sysexits.h where it has a number for it. */
export const EXIT = {
  /** Stopped as it was told to. */
  ok: 0,
  /** The configuration or the command line is wrong: starting again will not help. */
  config: 2,
  /** The database was written by a newer release: starting again will not help, that release does. */
  newerSchema: 65,
  /** What a command that runs once needs is not there: trying again later may help. */
  unavailable: 69,
  /** A defect: uncaught exception, or a stop that did not end in time. */
  internal: 70,
  /** A port is taken: starting again later may help. */
  portTaken: 75,
  /** A port may not be opened by this user. */
  noPermission: 77,
  /** Second SIGTERM or SIGINT: 128 + 15, as if the signal had killed the process. */
  now: 143,
} as const;

/** What a person has to mend; the message says where, and stands without a stack. */
export class HostError extends Error {
  readonly exitCode: number;

  constructor(message: string, exitCode: number, options?: ErrorOptions) {
    super(message, options);
    this.name = 'HostError';
    this.exitCode = exitCode;
  }
}
