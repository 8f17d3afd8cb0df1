import { readFile } from 'node:fs/promises';
import { credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { CliError, EXIT } from '../cli-error.ts';
import type { Home } from '../installation/home.ts';

const DEADLINE_MS = 10_000;

/** The administrator's certificate is what opens the roles' RPCs; the file's owner may administer. */
export async function adminChannel(home: Home, role: string) {
  const { cert, key } = home.certificate('admin');
  const [ca, certificate, privateKey] = await Promise.all([
    readFile(home.caFile),
    readFile(cert),
    readFile(key),
  ]).catch((cause: Error) => {
    throw new CliError(
      `Only who may read ${key} can administer this installation: ${cause.message}`,
      EXIT.failed,
      { cause },
    );
  });
  return {
    credentials: credentials.createSsl(ca, privateKey, certificate),
    options: {
      'grpc.ssl_target_name_override': `${role}.linchpin.internal`,
      'grpc.enable_http_proxy': 0,
      'grpc.service_config_disable_resolution': 1,
    },
  };
}

type Unary<Q, A> = (
  request: Q,
  metadata: Metadata,
  options: { deadline: number },
  callback: (error: ServiceError | null, reply: A) => void,
) => unknown;

/** A unary call that ends: with the reply, or an error for people. `who`: "CMS at 127.0.0.1:7010". */
export function ask<Q, A>(method: Unary<Q, A>, request: Q, who: string): Promise<A> {
  return new Promise((resolve, reject) => {
    const answer = (error: ServiceError | null, reply: A) =>
      error ? reject(forPeople(error, who)) : resolve(reply);
    method(request, new Metadata(), { deadline: Date.now() + DEADLINE_MS }, answer);
  });
}

function forPeople(error: ServiceError, who: string): CliError {
  const { code, details } = error;
  if (code === status.UNAVAILABLE || code === status.DEADLINE_EXCEEDED) {
    const why = details.includes('ECONNREFUSED') ? 'nothing listens there' : details;
    const message = `${who} is not available (${why}). Is the installation running? linchpin status`;
    return new CliError(message, EXIT.notRunning, { cause: error });
  }
  return new CliError(details || `${who}: ${status[code]}`, EXIT.failed, { cause: error });
}
