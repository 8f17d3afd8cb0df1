import {
  createProxy,
  createTransactionLayer,
  type Flow,
  parseMessage,
  SipResponse,
  type TransactionLayer,
  validateRequest,
} from '../src/index.ts';

export interface Measured {
  name: string;
  perSecond: number;
}

const text = 'A line of the sort that people send each other.';

/** Every call is a transaction of its own, as from one busy client. */
const message = (branch: number) =>
  [
    'MESSAGE sip:bob@contoso.lab SIP/2.0',
    `Via: SIP/2.0/TLS 192.0.2.101:51023;branch=z9hG4bK-${branch};received=203.0.113.9;rport=51023`,
    'Max-Forwards: 70',
    'Route: <sip:frontend-0.contoso.lab:5061;transport=tls;lr>',
    'From: "Alice Example" <sip:alice@contoso.lab>;tag=9fxced76sl',
    'To: "Bob Example" <sip:bob@contoso.lab>',
    `Call-ID: ${branch}-3848276298220188511`,
    'CSeq: 1 MESSAGE',
    'User-Agent: UCCAPI/15.0.4420.1017 OC/15.0.4420.1017 (Microsoft Lync)',
    'Content-Type: text/plain; charset=UTF-8',
    `Content-Length: ${text.length}`,
    '',
    text,
  ].join('\r\n');

function flow(id: string, send: (bytes: Uint8Array) => void): Flow {
  return {
    id,
    transport: 'tls',
    reliable: true,
    remote: { address: '203.0.113.9', port: 51023 },
    local: { address: '192.0.2.1', port: 5061 },
    sentBy: 'frontend-0.contoso.lab:5061',
    identity: '',
    closed: false,
    send(bytes) {
      send(bytes);
      return true;
    },
    close() {},
    onClose: () => () => {},
  };
}

/** One MESSAGE from bytes to bytes and its 200 back, the callee's answer included in the price. */
function relay(onRelayed: () => void): { layer: TransactionLayer; alice: Flow } {
  const alice = flow('alice', onRelayed);
  const bob = flow('bob', (bytes) => {
    const request = parseMessage(bytes);
    if ('method' in request) layer.receive(parseMessage(SipResponse.to(request, 200).toBuffer()), bob);
  });
  const layer = createTransactionLayer({
    onRequest(received, from) {
      const transaction = layer.accept(received, from);
      const { request } = proxy.prepare(received);
      const targets = [{ uri: 'sip:bob@192.0.2.7:51000;transport=tls', flow: () => bob }];
      proxy.forward({ transaction, request, targets });
    },
    onAck() {},
  });
  const proxy = createProxy({
    layer,
    routeHere: (uri) => (uri.host === 'frontend-0.contoso.lab' ? (uri.user ?? '') : undefined),
  });
  return { layer, alice };
}

/** MESSAGE transactions relayed a second, on one core with flows that go nowhere. */
export async function run(seconds = 1.5): Promise<Measured[]> {
  let relayed = 0;
  const { layer, alice } = relay(() => relayed++);
  const begin = performance.now();
  const give = (branch: number) => {
    const request = parseMessage(Buffer.from(message(branch), 'latin1'));
    if ('method' in request) validateRequest(request);
    layer.receive(request, alice);
  };
  for (let i = 0; performance.now() - begin < seconds * 1000; ) {
    for (const end = i + 200; i < end; i++) give(i);
    await new Promise(setImmediate);
  }
  const perSecond = Math.round((relayed / (performance.now() - begin)) * 1000);
  layer.close();
  return [{ name: 'sip: relay a MESSAGE and its answer', perSecond }];
}

if (import.meta.main) console.table(await run());
