/** How a process ended. */
export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** A process that runs; postgres, nats-server and roles all look like this to the supervisor. */
export interface Running {
  pid: number;
  /** Resolves when it has ended, asked or not. */
  exited: Promise<Exit>;
  /** Asks it to end, insists after its deadline, resolves when it is gone. */
  stop(): Promise<void>;
}

/** One thing that the supervisor keeps alive. */
export interface Part {
  name: string;
  /** Parts that must serve before this one starts. */
  startsAfter: string[];
  /** Parts that must have ended before this one is told to end. */
  stopsAfter: string[];
  start(): Promise<Running>;
  /** Undefined when it serves, else why not yet. Asked every few moments until it does. */
  lacks(): Promise<string | undefined>;
  /** Exit codes which say that another attempt cannot help; they count until the part first served. */
  fatalExits?: number[];
}

export const describeExit = ({ code, signal }: Exit): string =>
  signal === null ? `exit code ${code}` : `signal ${signal}`;
