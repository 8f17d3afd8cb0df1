import { assertOneLine, type HeaderLine } from './header-line.ts';
import { newTag } from './identifiers.ts';
import { SipMessage } from './message.ts';
import { NameAddr } from './name-addr.ts';
import { reasonPhrase } from './reasons.ts';
import { noBody, type SipRequest } from './request.ts';

export interface ResponseOptions {
  toTag?: string;
  headers?: readonly [string, string][];
  body?: Uint8Array;
}

const copied = new Set(['via', 'from', 'to', 'call-id', 'cseq']);
const dialogForming = new Set(['INVITE', 'SUBSCRIBE', 'REFER', 'NOTIFY']);

export class SipResponse extends SipMessage {
  status: number;
  reason: string;

  constructor(status: number, reason: string, lines: HeaderLine[], body: Uint8Array) {
    super(lines, body);
    this.status = status;
    this.reason = reason;
  }

  /**
   * The answer to a request (RFC 3261 8.2.6.2): its Via, From, To, Call-ID and CSeq lines byte by byte. To gets a tag,
   * `toTag` or a new one, except in a 100. Dialog-forming answers repeat Record-Route as well (12.1.1).
   */
  static to(
    request: SipRequest,
    status: number,
    reason?: string,
    options: ResponseOptions = {},
  ): SipResponse {
    const lines = request.lines.filter((line) => isCopied(line.name, request.method, status));
    const response = new SipResponse(status, reason ?? reasonPhrase(status), lines, options.body ?? noBody);
    if (status > 100) addTag(response, options.toTag);
    for (const [name, value] of options.headers ?? []) response.append(name, value);
    return response;
  }

  override clone(): this {
    return new SipResponse(this.status, this.reason, [...this.lines], this.body) as this;
  }

  protected override startLine(): string {
    assertOneLine(this.reason);
    return `SIP/2.0 ${this.status} ${this.reason}`;
  }
}

function isCopied(name: string, method: string, status: number): boolean {
  if (copied.has(name)) return true;
  if (name === 'record-route') return status > 100 && status < 300 && dialogForming.has(method);
  return name === 'timestamp' && status === 100;
}

// A To that cannot be read goes back as it came: the sender may still know its own request by it.
function addTag(response: SipResponse, tag: string | undefined): void {
  const to = response.get('to');
  if (to === undefined || hasTag(to)) return;
  response.set('to', `${to};tag=${tag ?? newTag()}`);
}

function hasTag(to: string): boolean {
  try {
    return NameAddr.parse(to).params.has('tag');
  } catch {
    return true;
  }
}
