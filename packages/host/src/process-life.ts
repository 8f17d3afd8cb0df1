import { setLogger } from '@grpc/grpc-js';
import { followFiles } from './certificate-files.ts';
import { EXIT } from './host-error.ts';
import type { Logger } from './log.ts';
import type { StartedRole } from './start-role.ts';

const STOP_DEADLINE_MS = 10_000;

/** After an exception that nobody caught the state is unknown: say so and end, whoever supervises starts anew. */
export function dieOfDefects(log: Logger): void {
  process.on('uncaughtException', (error, origin) => {
    log.fatal({ err: error, origin }, 'defect');
    process.exit(EXIT.internal);
  });
}

/** grpc-js would write its lines to stderr. */
export function logGrpc(log: Logger): void {
  setLogger({
    error: (...words: unknown[]) => log.warn({ source: 'grpc' }, words.join(' ')),
    info: (...words: unknown[]) => log.info({ source: 'grpc' }, words.join(' ')),
    debug: (...words: unknown[]) => log.debug({ source: 'grpc' }, words.join(' ')),
  });
}

export interface ProcessLife {
  started(role: StartedRole): void;
  /** Reads the certificates again when one of their files changes, as on SIGHUP. */
  followCertificates(paths: readonly string[]): void;
}

/**
 * Signals count from the first moment; one that comes while the role starts ends the process at once. A role that was drained
 * by RPC ends its process too, for whoever runs it to start a new one.
 */
export function followSignals(log: Logger): ProcessLife {
  let role: StartedRole | undefined;
  let asked = false;

  function end(why: string): void {
    if (asked || !role) process.exit(asked ? EXIT.now : EXIT.ok);
    asked = true;
    void role.drain(why);
  }

  // A supervisor that is gone leaves nobody who waits for the drain.
  function abandoned(): void {
    if (!role) process.exit(EXIT.ok);
    log.info({ why: 'the supervisor is gone' }, 'stopping');
    role.cutDrain();
    leave(role, log);
  }

  const supervised = process.env.LINCHPIN_SUPERVISED === '1';
  process.on('SIGTERM', () => end('SIGTERM'));
  // Ctrl-C goes to all processes of the terminal: the supervisor has it too, and says SIGTERM in its own time.
  process.on('SIGINT', () => supervised || end('SIGINT'));
  process.on('SIGHUP', () => void reload(role, log));
  if (supervised) onStdinEnd(abandoned);
  return {
    started(started) {
      role = started;
      void started.drained.then(() => leave(started, log));
    },
    followCertificates: (paths) => void followFiles(paths, () => void reload(role, log)),
  };
}

let leaving = false;

function leave(role: StartedRole, log: Logger): void {
  if (leaving) return;
  leaving = true;
  setTimeout(() => {
    log.fatal({ deadlineMs: STOP_DEADLINE_MS }, 'did not stop in time');
    process.exit(EXIT.internal);
  }, STOP_DEADLINE_MS);
  void role.stop().then(() => {
    log.info('stopped');
    process.exit(EXIT.ok);
  });
}

async function reload(role: StartedRole | undefined, log: Logger): Promise<void> {
  // One that is starting has just read them.
  if (!role) return;
  try {
    await role.reload();
    log.info('certificates read again');
  } catch (error) {
    log.error({ err: error }, 'certificates not read again, those in use stay');
  }
}

// The supervisor holds the other end of stdin and writes nothing: however it dies, the pipe closes.
function onStdinEnd(listener: () => void): void {
  process.stdin.on('end', listener).on('error', listener).resume();
}
