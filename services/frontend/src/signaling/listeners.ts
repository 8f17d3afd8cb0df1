import { readFile } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import type { SecureContextOptions } from 'node:tls';
import {
  type Address,
  type Connector,
  createConnector,
  createTcpListener,
  createTlsListener,
  createUdpListener,
  type Flow,
  type FlowEvents,
  type Listener,
  type SomeTransportLimits,
} from '@linchpin/sip';
import type { FrontendConfig } from '../config.ts';

/** What internal clients connect to, and the way to those that wait for a connection themselves. */
export interface Listeners {
  open(): Promise<void>;
  list(): readonly Listener[];
  /** The connections that clients have opened. */
  clients(): Iterable<Flow>;
  /** Takes no more connections; those that are open stay, and datagrams come as before. */
  refuse(): void;
  /** `host:port` by which clients may know this pod. */
  addresses(): ReadonlySet<string>;
  connect(remote: Address): Promise<Flow>;
  /** Reads the certificate again. */
  reload(): Promise<void>;
  close(): Promise<void>;
}

type ListenersConfig = Pick<FrontendConfig, 'listeners' | 'limits' | 'sipTls'>;

export function createListeners(
  { listeners, limits, sipTls }: ListenersConfig,
  events: FlowEvents & { idPrefix: string; viaHost: string },
): Listeners {
  const transportLimits: SomeTransportLimits = {
    connections: limits.connections,
    connectionsPerSource: limits.connectionsPerSource,
    halfOpenSeconds: limits.halfOpenSeconds,
    idleSeconds: limits.idleSeconds,
    message: { body: limits.bodyBytes },
  };
  const opened: Listener[] = [];
  const addresses = new Set<string>();
  let connector: Connector | undefined;

  function add(listener: Listener, sentBy: string | undefined): void {
    opened.push(listener);
    for (const host of hostsOf(listener.address)) addresses.add(`${host}:${listener.port}`);
    if (sentBy !== undefined) addresses.add(sentBy.toLowerCase());
  }

  /** The far end of a connection that we opened comes back to where we listen, not to the port it sees. */
  function wayBack(): { sentBy?: string } {
    const tcp = opened.find(({ transport }) => transport === 'tcp');
    const sentBy = listeners.sipTcp.sentBy ?? (tcp && `${tcp.address}:${tcp.port}`);
    return sentBy === undefined ? {} : { sentBy };
  }

  const optionsOf = (name: string, { address, port, sentBy }: ListenersConfig['listeners']['sipUdp']) => ({
    ...events,
    name,
    address,
    port,
    limits: transportLimits,
    ...(sentBy !== undefined && { sentBy }),
  });

  async function certificate(): Promise<SecureContextOptions | undefined> {
    if (!sipTls) return undefined;
    const [cert, key] = await Promise.all([readFile(sipTls.cert), readFile(sipTls.key)]);
    return { cert, key };
  }

  return {
    async open() {
      const { sipUdp, sipTcp, sipTls } = listeners;
      const tls = sipTls.enabled ? await certificate() : undefined;
      if (sipUdp.enabled) add(await createUdpListener(optionsOf('sip-udp', sipUdp)), sipUdp.sentBy);
      if (sipTcp.enabled) add(await createTcpListener(optionsOf('sip-tcp', sipTcp)), sipTcp.sentBy);
      connector = createConnector({ ...events, ...wayBack(), transport: 'tcp', limits: transportLimits });
      if (tls) add(await createTlsListener({ ...optionsOf('sip-tls', sipTls), tls }), sipTls.sentBy);
    },
    list: () => opened,
    *clients() {
      for (const listener of opened) yield* listener.flows();
    },
    refuse() {
      for (const listener of opened) listener.stopListening?.();
    },
    addresses: () => addresses,
    connect: (remote) => connector?.connect(remote) ?? Promise.reject(new Error('not open')),
    async reload() {
      const tls = await certificate();
      for (const listener of opened) if (tls) listener.setTls?.(tls);
    },
    async close() {
      await Promise.all([...opened.splice(0), connector].map((part) => part?.close()));
    },
  };
}

function hostsOf(address: string): string[] {
  if (address !== '0.0.0.0' && address !== '::') return [address.includes(':') ? `[${address}]` : address];
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return all.map(({ address, family }) => (family === 'IPv6' ? `[${address}]` : address));
}
