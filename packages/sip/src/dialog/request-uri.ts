import { SipUri } from '../message/uri.ts';

/** RFC 3261 19.1.1 table 1: neither a method parameter nor headers may stand in a Request-URI. */
export function asRequestUri(text: string): string {
  // Most URIs have neither and need no parsing.
  if (!text.includes('?') && !/;method=/i.test(text)) return text;
  const uri = SipUri.parse(text);
  uri.params.delete('method');
  uri.headers = undefined;
  return uri.toString();
}
