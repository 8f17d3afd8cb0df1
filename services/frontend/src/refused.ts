/** Thrown by whoever finds that a request must not be served; becomes a response in one place, `failures.ts`. */
export class Refused extends Error {
  override readonly name = 'Refused';
  readonly status: number;
  /** Which rule it was, for the log, the metrics and the code in ms-diagnostics. */
  readonly rule: string;
  readonly headers: [name: string, value: string][];

  /** `reason` is told to the peer, in the reason phrase and in ms-diagnostics. */
  constructor(status: number, reason: string, rule: string, headers: [string, string][] = []) {
    super(reason);
    this.status = status;
    this.rule = rule;
    this.headers = headers;
  }
}
