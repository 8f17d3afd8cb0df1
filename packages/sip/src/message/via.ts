import { digitsEnd, spaceEnd, tokenEnd } from './characters.ts';
import { malformed } from './error.ts';
import { Params, parseParams } from './params.ts';
import { hostLength, parsePort } from './uri.ts';

const SLASH = 0x2f;
const COLON = 0x3a;
const usual = 'SIP/2.0';

/** One Via element (RFC 3261 20.42). */
export class Via {
  /** 'SIP/2.0' */
  protocol: string;
  /** Upper case: 'UDP', 'TCP', 'TLS', 'WS', 'WSS'. */
  transport: string;
  /** An IPv6 address is in brackets. */
  host: string;
  port: number | undefined;
  params: Params;

  constructor(transport: string, host: string, port?: number, params: Params = new Params()) {
    this.protocol = usual;
    this.transport = transport;
    this.host = host;
    this.port = port;
    this.params = params;
  }

  static parse(text: string): Via {
    const start = spaceEnd(text, 0);
    const protocolEnd = text.startsWith(usual, start) ? start + usual.length : versionEnd(text, start);
    const transport = afterSlash(text, protocolEnd);
    const transportEnd = tokenEnd(text, transport);
    const host = spaceEnd(text, transportEnd);
    if (transportEnd === transport || host === transportEnd) throw malformed('via');
    const via = parseSentBy(text, host, text.slice(transport, transportEnd).toUpperCase());
    if (protocolEnd !== start + usual.length)
      via.protocol = text.slice(start, protocolEnd).replace(/[ \t]/g, '').toUpperCase();
    return via;
  }

  get branch(): string | undefined {
    return this.params.get('branch');
  }

  /** Without brackets, with which some peers write IPv6 addresses (RFC 5118 4.5). */
  get received(): string | undefined {
    const address = this.params.get('received');
    return address?.startsWith('[') ? address.slice(1, -1) : address;
  }

  /** Undefined when absent or without a value (RFC 3581 3). */
  get rport(): number | undefined {
    const port = this.params.get('rport');
    return port === undefined ? undefined : parsePort(port, 'via');
  }

  toString(): string {
    const sentBy = this.port === undefined ? this.host : `${this.host}:${this.port}`;
    return `${this.protocol}/${this.transport} ${sentBy}${this.params}`;
  }
}

function versionEnd(text: string, start: number): number {
  const nameEnd = tokenEnd(text, start);
  const version = afterSlash(text, nameEnd);
  const end = tokenEnd(text, version);
  if (nameEnd === start || end === version) throw malformed('via');
  return end;
}

// SLASH and COLON have optional white space on both sides (RFC 3261 25.1).
function afterSlash(text: string, at: number): number {
  const slash = spaceEnd(text, at);
  if (text.charCodeAt(slash) !== SLASH) throw malformed('via');
  return spaceEnd(text, slash + 1);
}

function parseSentBy(text: string, at: number, transport: string): Via {
  const hostEnd = hostLength(text, at, 'via');
  const host = text.slice(at, hostEnd);
  const next = spaceEnd(text, hostEnd);
  if (text.charCodeAt(next) !== COLON)
    return new Via(transport, host, undefined, parseParams(text, next, 'via'));
  const portAt = spaceEnd(text, next + 1);
  const portEnd = digitsEnd(text, portAt);
  const port = parsePort(text.slice(portAt, portEnd), 'via');
  return new Via(transport, host, port, parseParams(text, portEnd, 'via'));
}
