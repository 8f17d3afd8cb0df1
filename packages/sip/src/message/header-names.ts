/** A header's long form in lower case: 'call-id', 'via'. */
export type HeaderName = string;

// Spelled as RFC 3261 20 and the registry at IANA spell them.
const spellings = `
Accept Accept-Contact Accept-Encoding Accept-Language Alert-Info Allow Allow-Events Authentication-Info Authorization
Call-ID Call-Info Contact Content-Disposition Content-Encoding Content-Language Content-Length Content-Type CSeq Date
Error-Info Event Expires Flow-Timer From Geolocation History-Info Identity In-Reply-To Join Max-Breadth Max-Forwards
MIME-Version Min-Expires Min-SE Organization P-Asserted-Identity P-Preferred-Identity Path Priority Privacy
Proxy-Authenticate Proxy-Authorization Proxy-Require RAck Reason Record-Route Refer-Sub Refer-To Referred-By
Reject-Contact Replaces Reply-To Request-Disposition Require Retry-After Route RSeq Security-Client Security-Server
Security-Verify Server Service-Route Session-Expires SIP-ETag SIP-If-Match Subject Subscription-State Supported
Suppress-If-Match Target-Dialog Timestamp To Unsupported User-Agent Via Warning WWW-Authenticate
`
  .trim()
  .split(/\s+/);

// RFC 3261 7.3.3 and 20; RFC 6665 8.2.1 (o, u); RFC 3515 (r); 3892 (b); 3841 (a, d, j); 4028 (x); 8224 (y).
const compact: Record<string, HeaderName> = {
  a: 'accept-contact',
  b: 'referred-by',
  c: 'content-type',
  d: 'request-disposition',
  e: 'content-encoding',
  f: 'from',
  i: 'call-id',
  j: 'reject-contact',
  k: 'supported',
  l: 'content-length',
  m: 'contact',
  o: 'event',
  r: 'refer-to',
  s: 'subject',
  t: 'to',
  u: 'allow-events',
  v: 'via',
  x: 'session-expires',
  y: 'identity',
};

const canonical = new Map<string, HeaderName>();
const onTheWire = new Map<HeaderName, string>();

interface Spelling {
  text: string;
  name: HeaderName;
}

// By length, first and last letter, so that a line's name is found without cutting it out of the message.
const table: Spelling[][] = Array.from({ length: 1024 }, () => []);

function slot(length: number, first: number, last: number): number {
  return (length * 37 + (first | 0x20) * 7 + (last | 0x20)) & 1023;
}

function learn(text: string, name: HeaderName): void {
  canonical.set(text, name);
  table[slot(text.length, text.charCodeAt(0), text.charCodeAt(text.length - 1))]?.push({ text, name });
}

for (const spelling of spellings) {
  const name = spelling.toLowerCase();
  onTheWire.set(name, spelling);
  for (const seen of new Set([spelling, name, spelling.toUpperCase()])) learn(seen, name);
}
for (const [letter, name] of Object.entries(compact)) {
  learn(letter, name);
  learn(letter.toUpperCase(), name);
}

/** The header that is spelled from `at` to `end`; undefined when that is none of the usual spellings of a known header. */
export function knownNameAt(text: string, at: number, end: number): HeaderName | undefined {
  const candidates = table[slot(end - at, text.charCodeAt(at), text.charCodeAt(end - 1))];
  if (candidates === undefined) return undefined;
  for (const { text: spelling, name } of candidates) {
    if (spelling.length === end - at && text.startsWith(spelling, at)) return name;
  }
  return undefined;
}

export function headerName(spelling: string): HeaderName {
  return canonical.get(spelling) ?? lowered(spelling);
}

function lowered(spelling: string): HeaderName {
  const name = spelling.toLowerCase();
  return canonical.get(name) ?? name;
}

/** How this package writes a header's name; unknown names stay as the caller spelled them. */
export function wireName(spelling: string): string {
  return onTheWire.get(headerName(spelling)) ?? spelling;
}
