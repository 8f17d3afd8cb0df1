import { readFile } from 'node:fs/promises';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import { type ChannelCredentials, experimental, type ServerCredentials } from '@grpc/grpc-js';
import type { TlsFiles } from './config.ts';
import { EXIT, HostError } from './host-error.ts';

export interface Mtls {
  server(): ServerCredentials;
  client(): ChannelCredentials;
  /** CA, certificate and key as they are now. */
  tlsOptions(): SecureContextOptions;
  /** Reads the files again. Throws, and keeps what it has, when they do not fit together. */
  reload(): Promise<void>;
}

interface Pem {
  ca: Buffer;
  cert: Buffer;
  key: Buffer;
}

/** Both ends of a call between roles show a certificate of the private CA. */
export async function createMtls(files: TlsFiles): Promise<Mtls> {
  let pem = await readPem(files);
  const provider = createProvider(pem);
  const client = experimental.createCertificateProviderChannelCredentials(provider, provider);
  const server = experimental.createCertificateProviderServerCredentials(provider, provider, true);
  return {
    client: () => client,
    server: () => server,
    tlsOptions: () => ({ ...pem, minVersion: 'TLSv1.2' }),
    async reload() {
      pem = await readPem(files);
      provider.update(pem);
    },
  };
}

async function readPem(files: TlsFiles): Promise<Pem> {
  const [ca, cert, key] = await Promise.all([
    readKey(files, 'ca'),
    readKey(files, 'cert'),
    readKey(files, 'key'),
  ]);
  try {
    createSecureContext({ ca, cert, key });
  } catch (error) {
    throw unusable(`tls: ${files.cert}, ${files.key} and ${files.ca} do not fit together`, error);
  }
  return { ca, cert, key };
}

const readKey = (files: TlsFiles, key: keyof TlsFiles): Promise<Buffer> =>
  readFile(files[key]).catch((error) => {
    throw unusable(`tls.${key}: cannot read ${files[key]}`, error);
  });

const unusable = (what: string, cause: unknown) =>
  new HostError(`${what}: ${(cause as Error).message}`, EXIT.config, { cause });

type CertificateProvider = experimental.CertificateProvider;

interface MemoryProvider extends CertificateProvider {
  update(pem: Pem): void;
}

/**
 * grpc-js asks for the certificates with each new connection, and gives new ones to its servers. A server subscribes before
 * it watches: an answer within the call would be lost, and every connection dropped.
 */
function createProvider(first: Pem): MemoryProvider {
  const caListeners = new Set<experimental.CaCertificateUpdateListener>();
  const identityListeners = new Set<experimental.IdentityCertificateUpdateListener>();
  let pem = first;
  const ca = () => ({ caCertificate: pem.ca });
  const identity = () => ({ certificate: pem.cert, privateKey: pem.key });
  return {
    addCaCertificateListener(listener) {
      caListeners.add(listener);
      queueMicrotask(() => listener(ca()));
    },
    removeCaCertificateListener: (listener) => void caListeners.delete(listener),
    addIdentityCertificateListener(listener) {
      identityListeners.add(listener);
      queueMicrotask(() => listener(identity()));
    },
    removeIdentityCertificateListener: (listener) => void identityListeners.delete(listener),
    update(next) {
      pem = next;
      for (const listener of identityListeners) listener(identity());
      for (const listener of caListeners) listener(ca());
    },
  };
}
