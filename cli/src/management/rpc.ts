import { readFile } from 'node:fs/promises';
import {
  type ChannelCredentials,
  type ClientOptions,
  type ClientReadableStream,
  credentials,
  Metadata,
  type ServiceError,
  status,
} from '@grpc/grpc-js';
import { CliError, EXIT } from '../cli-error.ts';
import type { Site } from './site.ts';

const DEADLINE_MS = 10_000;

export interface Channel {
  credentials: ChannelCredentials;
  options: ClientOptions;
}

/** The administrator's certificate is what opens the RPCs of CMS, or of another `role`; the file's owner may administer. */
export async function adminChannel({ tls }: Site, role = 'cms'): Promise<Channel> {
  const files = [tls.ca, tls.key, tls.cert].map((file) => readFile(file));
  const [ca, key, cert] = await Promise.all(files).catch((cause: Error) => {
    throw new CliError(`Only who may read ${tls.key} can administer here: ${cause.message}`, EXIT.failed, {
      cause,
    });
  });
  return {
    credentials: credentials.createSsl(ca as Buffer, key, cert),
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

/** A unary call that ends: with the reply, or an error for people. */
export function ask<Q, A>(method: Unary<Q, A>, request: Q, site: Site): Promise<A> {
  return new Promise((resolve, reject) => {
    const answer = (error: ServiceError | null, reply: A) =>
      error ? reject(forPeople(error, site)) : resolve(reply);
    method(request, new Metadata(), { deadline: Date.now() + DEADLINE_MS }, answer);
  });
}

/** A stream that the server ends; the same errors. */
export function follow<A>(
  stream: ClientReadableStream<A>,
  onMessage: (message: A) => void,
  site: Site,
): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.on('data', onMessage);
    stream.on('end', resolve);
    stream.on('error', (error) => reject(forPeople(error as ServiceError, site)));
  });
}

/** The same, no faster than each message is taken. */
export async function drain<A>(
  stream: ClientReadableStream<A>,
  onMessage: (message: A) => Promise<void>,
  site: Site,
): Promise<void> {
  try {
    for await (const message of stream) await onMessage(message as A);
  } catch (error) {
    throw typeof (error as ServiceError).details === 'string'
      ? forPeople(error as ServiceError, site)
      : error;
  }
}

/** What grpc-js says when there is no connection; all else comes from CMS, in its own words. */
const NO_CONNECTION = /^No connection established|^Name resolution failed|^Connection dropped|ECONNREFUSED/;

/** What the guard of every role says to a certificate; a room refuses people in other words. */
const NOT_ADMIN = /may not call this|names no role/;

function forPeople(error: ServiceError, { cms, hint }: Site): CliError {
  const { code, details } = error;
  const who = `CMS at ${cms}`;
  if (code === status.DEADLINE_EXCEEDED || (code === status.UNAVAILABLE && NO_CONNECTION.test(details))) {
    const why = details.includes('ECONNREFUSED') ? 'nothing listens there' : details;
    return new CliError(`${who} is not available (${why}). ${hint}`, EXIT.notRunning, { cause: error });
  }
  if (code === status.PERMISSION_DENIED && NOT_ADMIN.test(details))
    return new CliError(`${details}. Use a certificate for role admin.`, EXIT.failed, { cause: error });
  return new CliError(details || `${who}: ${status[code]}`, EXIT.failed, { cause: error });
}
