import { parseMessage, type SipRequest, SipResponse, validateRequest } from '../src/index.ts';

export interface Measured {
  name: string;
  perSecond: number;
}

const sdp = [
  'v=0',
  'o=alice 2890844526 2890844526 IN IP4 client.contoso.lab',
  's=-',
  'c=IN IP4 192.0.2.101',
  't=0 0',
  'm=audio 49172 RTP/AVP 0 8 101',
  'a=rtpmap:0 PCMU/8000',
  'a=rtpmap:8 PCMA/8000',
  'a=rtpmap:101 telephone-event/8000',
  '',
].join('\r\n');

const invite = Buffer.from(
  [
    'INVITE sip:bob@contoso.lab SIP/2.0',
    'Via: SIP/2.0/TLS edge-0.contoso.lab:5061;branch=z9hG4bK2d4790b1f4d2a9;rport',
    'Via: SIP/2.0/TLS 192.0.2.101:51023;branch=z9hG4bK74bf9a3b;received=203.0.113.9;rport=51023',
    'Max-Forwards: 69',
    'Record-Route: <sip:edge-0.contoso.lab:5061;transport=tls;lr>',
    'From: "Alice Example" <sip:alice@contoso.lab>;tag=9fxced76sl',
    'To: "Bob Example" <sip:bob@contoso.lab>',
    'Call-ID: 3848276298220188511@client.contoso.lab',
    'CSeq: 2 INVITE',
    'Contact: <sip:alice@192.0.2.101:51023;transport=tls>;+sip.instance="<urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6>"',
    'Allow: INVITE, ACK, CANCEL, BYE, UPDATE, MESSAGE, OPTIONS, SUBSCRIBE, NOTIFY, REFER',
    'Supported: outbound, gruu, replaces, timer, 100rel',
    'User-Agent: UCCAPI/15.0.4420.1017 OC/15.0.4420.1017 (Microsoft Lync)',
    'Content-Type: application/sdp',
    `Content-Length: ${sdp.length}`,
    '',
    sdp,
  ].join('\r\n'),
);

function read(): SipRequest {
  const message = parseMessage(invite) as SipRequest;
  if (message.via.branch === undefined || message.from.tag === undefined || message.to.uri === '')
    throw new Error('read');
  if (message.callId === '' || message.cseq.seq !== 2) throw new Error('read');
  return message;
}

function check(): void {
  validateRequest(read());
}

function forward(): void {
  const message = read();
  message.set('Max-Forwards', String((message.maxForwards ?? 70) - 1));
  message.prepend('Record-Route', '<sip:frontend-0.contoso.lab:5061;transport=tls;lr>');
  message.prepend('Via', 'SIP/2.0/TLS frontend-0.contoso.lab:5061;branch=z9hG4bK2d4790b1f4d2ff');
  message.toBuffer();
}

function answer(): void {
  SipResponse.to(read(), 200, 'OK', { toTag: '314159' }).toBuffer();
}

function perSecond(work: () => void, seconds: number): number {
  let count = 0;
  const start = performance.now();
  let elapsed = 0;
  for (; elapsed < seconds * 1000; count += 1000, elapsed = performance.now() - start) {
    for (let i = 0; i < 1000; i++) work();
  }
  return Math.round((count * 1000) / elapsed);
}

/** Messages per second on one core; `seconds` is the time for each measurement. */
export function run(seconds = 1): Measured[] {
  const works: [string, () => void][] = [
    ['sip: parse and read Via, From, To, Call-ID, CSeq', read],
    ['sip: the same and validate', check],
    ['sip: the same, forward with new Via and Record-Route', forward],
    ['sip: the same, answer', answer],
  ];
  return works.map(([name, work]) => {
    perSecond(work, seconds / 4);
    return { name, perSecond: perSecond(work, seconds) };
  });
}

if (import.meta.main)
  for (const { name, perSecond } of run()) console.log(`${String(perSecond).padStart(9)}/s  ${name}`);
