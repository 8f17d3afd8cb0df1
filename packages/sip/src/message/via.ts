import { digitsEnd, spaceEnd, tokenEnd } from './characters.ts';
import { malformed } from './error.ts';
import { Params, parseParams } from './params.ts';
import { hostLength, parsePort } from './uri.ts';

const SLASH = 0x2f;
const COLON = 0x3a;

/** One Via element (RFC 3261 20.42). */
export class Via {
  /** 'SIP/2.0' */
  protocol: string;
  /** Upper case: 'UDP', 'TCP', 'TLS', 'WS', 'WSS'. */
  transport: string;
  host: string;
  port: number | undefined;
  params: Params;

  constructor(transport: string, host: string, port?: number, params: Params = new Params()) {
    this.protocol = 'SIP/2.0';
    this.transport = transport;
    this.host = host;
    this.port = port;
    this.params = params;
  }

  static parse(text: string): Via {
    const nameEnd = tokenEnd(text, spaceEnd(text, 0));
    const version = afterSlash(text, nameEnd);
    const versionEnd = tokenEnd(text, version);
    const transport = afterSlash(text, versionEnd);
    const transportEnd = tokenEnd(text, transport);
    const host = spaceEnd(text, transportEnd);
    if (versionEnd === version || transportEnd === transport || host === transportEnd) throw malformed('Via');
    const via = parseSentBy(text, host, text.slice(transport, transportEnd).toUpperCase());
    via.protocol = `${text.slice(spaceEnd(text, 0), nameEnd).toUpperCase()}/${text.slice(version, versionEnd)}`;
    return via;
  }

  get branch(): string | undefined {
    return this.params.get('branch');
  }

  get received(): string | undefined {
    return this.params.get('received');
  }

  /** Undefined when absent or without a value (RFC 3581 3). */
  get rport(): number | undefined {
    const port = this.params.get('rport');
    return port === undefined ? undefined : Number(port);
  }

  toString(): string {
    const sentBy = this.port === undefined ? this.host : `${this.host}:${this.port}`;
    return `${this.protocol}/${this.transport} ${sentBy}${this.params}`;
  }
}

// SLASH and COLON have optional white space on both sides (RFC 3261 25.1).
function afterSlash(text: string, at: number): number {
  const slash = spaceEnd(text, at);
  if (at === 0 || text.charCodeAt(slash) !== SLASH) throw malformed('Via');
  return spaceEnd(text, slash + 1);
}

function parseSentBy(text: string, at: number, transport: string): Via {
  const hostEnd = hostLength(text, at, 'Via');
  const host = text.slice(at, hostEnd);
  const next = spaceEnd(text, hostEnd);
  if (text.charCodeAt(next) !== COLON)
    return new Via(transport, host, undefined, parseParams(text, next, 'Via'));
  const portAt = spaceEnd(text, next + 1);
  const portEnd = digitsEnd(text, portAt);
  const port = parsePort(text.slice(portAt, portEnd), 'Via');
  return new Via(transport, host, port, parseParams(text, portEnd, 'Via'));
}
