import { setLogger } from '@grpc/grpc-js';
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
}

/** Signals count from the first moment; one that comes while the role starts ends the process at once. */
export function followSignals(log: Logger): ProcessLife {
  let role: StartedRole | undefined;
  let ending = false;

  function end(why: string, drain: boolean): void {
    if (ending || !role) process.exit(ending ? EXIT.now : EXIT.ok);
    ending = true;
    log.info({ why }, drain ? 'draining' : 'stopping');
    void leave(role, drain, log);
  }

  const supervised = process.env.LINCHPIN_SUPERVISED === '1';
  process.on('SIGTERM', () => end('SIGTERM', true));
  // Ctrl-C goes to all processes of the terminal: the supervisor has it too, and says SIGTERM in its own time.
  process.on('SIGINT', () => supervised || end('SIGINT', true));
  process.on('SIGHUP', () => void reload(role, log));
  if (supervised) onStdinEnd(() => ending || end('the supervisor is gone', false));
  return {
    started(started) {
      role = started;
    },
  };
}

async function leave(role: StartedRole, drain: boolean, log: Logger): Promise<never> {
  if (drain) await role.drain().catch((error) => log.error({ err: error }, 'drain failed'));
  setTimeout(() => {
    log.fatal({ deadlineMs: STOP_DEADLINE_MS }, 'did not stop in time');
    process.exit(EXIT.internal);
  }, STOP_DEADLINE_MS);
  await role.stop();
  log.info('stopped');
  process.exit(EXIT.ok);
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
