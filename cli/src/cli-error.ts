/** Exit codes of the command line, as documented in cli/README.md. */
export const EXIT = {
  failed: 1,
  usage: 2,
  notRunning: 3,
  alreadyRunning: 4,
  newerData: 5,
  portTaken: 6,
} as const;

/** The message is shown as it is, so it says what is wrong and what to do. */
export class CliError extends Error {
  override name = 'CliError';
  readonly exitCode: number;

  constructor(message: string, exitCode: number = EXIT.failed, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
  }
}
