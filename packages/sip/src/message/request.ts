import { isToken, isUriText } from './characters.ts';
import { SipError } from './error.ts';
import { HeaderLine } from './header-line.ts';
import { SipMessage } from './message.ts';
import { SipUri } from './uri.ts';

export const noBody = new Uint8Array(0);

export class SipRequest extends SipMessage {
  method: string;
  uri: string;

  constructor(method: string, uri: string, lines: HeaderLine[], body: Uint8Array) {
    super(lines, body);
    this.method = method;
    this.uri = uri;
  }

  static create(
    method: string,
    uri: string,
    headers: readonly [string, string][],
    body: Uint8Array = noBody,
  ): SipRequest {
    return new SipRequest(
      method,
      uri,
      headers.map(([name, value]) => HeaderLine.of(name, value)),
      body,
    );
  }

  get parsedUri(): SipUri {
    return SipUri.parse(this.uri);
  }

  override clone(): this {
    return new SipRequest(this.method, this.uri, [...this.lines], this.body) as this;
  }

  protected override startLine(): string {
    if (!isToken(this.method) || !isUriText(this.uri))
      throw new SipError(500, 'Request line cannot be written');
    return `${this.method} ${this.uri} SIP/2.0`;
  }
}
