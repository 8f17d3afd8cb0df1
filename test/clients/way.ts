/** How a client reaches the system. */
export interface Way {
  transport: 'tls' | 'tcp' | 'udp';
  host: string;
  port: number;
  /** PEM files, for TLS only. */
  caFile?: string;
  /** Whom the certificate has to be for; without it the host, or localhost for a bare address. */
  serverName?: string;
}

/** Reads `tls:127.0.0.1:30061`; without a transport it is TLS. */
export function parseWay(text: string, tls: Pick<Way, 'caFile' | 'serverName'> = {}): Way {
  const match = /^(?:(tls|tcp|udp):)?(\[[^\]]+\]|[^:]+):(\d{1,5})$/.exec(text);
  if (match === null) throw new Error(`"${text}" is not [tls:|tcp:|udp:]host:port`);
  const [, transport = 'tls', host = '', port] = match;
  return {
    transport: transport as Way['transport'],
    host: host.replace(/^\[|\]$/g, ''),
    port: Number(port),
    ...(transport === 'tls' ? tls : {}),
  };
}

export const wayText = ({ transport, host, port }: Way): string => `${transport}:${host}:${port}`;
