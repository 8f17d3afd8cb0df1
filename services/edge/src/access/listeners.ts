import { readFile } from 'node:fs/promises';
import type { SecureContextOptions } from 'node:tls';
import { createTlsListener, createWsListener, type Listener, type TlsListenerOptions } from '@linchpin/sip';
import type { EdgeConfig } from '../config.ts';
import type { Access } from './access.ts';

/** The two doors for remote clients: SIP over TLS and SIP over secure WebSocket (RFC 7118). */
export interface Listeners {
  open(): Promise<void>;
  list(): readonly Listener[];
  /** Reads the certificate again, for handshakes from now on. */
  reload(): Promise<void>;
  close(): Promise<void>;
}

async function readTls({ cert, key }: EdgeConfig['sipTls']): Promise<SecureContextOptions> {
  const [certPem, keyPem] = await Promise.all([readFile(cert), readFile(key)]);
  return { cert: certPem, key: keyPem, minVersion: 'TLSv1.2' };
}

function optionsFor(
  config: EdgeConfig,
  access: Access,
  tls: SecureContextOptions,
): Omit<TlsListenerOptions, 'name' | 'address' | 'port'> {
  const { limits } = config;
  return {
    tls,
    limits: {
      connections: limits.connections,
      connectionsPerSource: limits.connectionsPerSource,
      halfOpenSeconds: limits.halfOpenSeconds,
      idleSeconds: limits.idleSeconds,
      message: { body: limits.bodyBytes },
    },
    ...access,
  };
}

export function createListeners(config: EdgeConfig, access: Access): Listeners {
  const open: Listener[] = [];
  return {
    async open() {
      const options = optionsFor(config, access, await readTls(config.sipTls));
      const { accessTls, accessWss } = config.listeners;
      const sentBy = config.advertised === undefined ? {} : { sentBy: config.advertised };
      open.push(await createTlsListener({ name: 'access-tls', ...accessTls, ...sentBy, ...options }));
      open.push(await createWsListener({ name: 'access-wss', ...accessWss, ...options }));
    },
    list: () => open,
    async reload() {
      const tls = await readTls(config.sipTls);
      for (const listener of open) listener.setTls?.(tls);
    },
    async close() {
      await Promise.all(open.splice(0).map((listener) => listener.close()));
    },
  };
}
