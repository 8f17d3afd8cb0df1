import type { SecureContextOptions } from 'node:tls';
import type { ChannelCredentials, ServerCredentials } from '@grpc/grpc-js';
import type { TlsFiles } from './config.ts';

export interface Mtls {
  server(): ServerCredentials;
  client(): ChannelCredentials;
  /** CA, certificate and key as they are now. */
  tlsOptions(): SecureContextOptions;
  /** Reads the files again. Throws, and keeps what it has, when they do not fit together. */
  reload(): Promise<void>;
  /** Called after each reload. Returns the way to stop. */
  onReload(listener: () => void): () => void;
}

export async function createMtls(_files: TlsFiles): Promise<Mtls> {
  throw new Error('not built yet');
}
