import {
  type Clock,
  createTransactionLayer,
  type Flow,
  parseMessage,
  type SipRequest,
  SipResponse,
  type TransactionLayer,
  validateRequest,
} from '../src/index.ts';

export interface Measured {
  name: string;
  perSecond: number;
}

const seconds = 1.5;

/** Every call is a transaction of its own, as from one busy client. */
const options = (branch: number) =>
  [
    'OPTIONS sip:contoso.lab SIP/2.0',
    `Via: SIP/2.0/TLS 192.0.2.101:51023;branch=z9hG4bK-${branch};received=203.0.113.9;rport=51023`,
    'Max-Forwards: 70',
    'From: "Alice Example" <sip:alice@contoso.lab>;tag=9fxced76sl',
    'To: <sip:contoso.lab>',
    `Call-ID: ${branch}-3848276298220188511`,
    'CSeq: 1 OPTIONS',
    'Contact: <sip:alice@192.0.2.101:51023;transport=tls>',
    'Supported: outbound, gruu, replaces, timer',
    'User-Agent: UCCAPI/15.0.4420.1017 OC/15.0.4420.1017 (Microsoft Lync)',
    'Content-Length: 0',
    '',
    '',
  ].join('\r\n');

/** A flow into nowhere that counts. */
function sink(reliable: boolean): Flow & { count: number } {
  return {
    id: 'bench',
    transport: reliable ? 'tls' : 'udp',
    reliable,
    remote: { address: '203.0.113.9', port: 51023 },
    local: { address: '192.0.2.1', port: 5061 },
    sentBy: 'frontend-0.contoso.lab:5061',
    identity: '',
    closed: false,
    count: 0,
    send() {
      this.count++;
      return true;
    },
    close() {},
    onClose: () => () => {},
  };
}

/** Time goes 30 times as fast, so that transactions end while the bench runs and their number stays that of a busy second. */
const fastClock: Clock = {
  now: () => performance.now() * 30,
  setTimeout: (callback, milliseconds) => setTimeout(callback, milliseconds / 30),
  clearTimeout: (handle) => clearTimeout(handle as NodeJS.Timeout),
};

function responder(): TransactionLayer {
  const layer = createTransactionLayer({
    clock: fastClock,
    limits: { transactions: Number.POSITIVE_INFINITY, bytes: Number.POSITIVE_INFINITY },
    onRequest(request, flow) {
      layer.accept(request, flow).respond(SipResponse.to(request, 200));
    },
    onAck() {},
  });
  return layer;
}

/** Feeds batches, with turns of the event loop between them for the timers. */
async function measure(name: string, reliable: boolean, give: Give): Promise<Measured> {
  const layer = responder();
  const flow = sink(reliable);
  for (let i = 0; i < 20_000; i++) give(layer, flow, i);
  const begin = process.cpuUsage();
  flow.count = 0;
  for (let i = 20_000; cpuSeconds(begin) < seconds; ) {
    for (const end = i + 200; i < end; i++) give(layer, flow, i);
    await new Promise(setImmediate);
  }
  const perSecond = Math.round(flow.count / cpuSeconds(begin));
  layer.close();
  return { name, perSecond };
}

// What the machine does besides is not counted.
function cpuSeconds(begin: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(begin);
  return (user + system) / 1e6;
}

type Give = (layer: TransactionLayer, flow: Flow, branch: number) => void;

function fromBytes(layer: TransactionLayer, flow: Flow, branch: number): void {
  const request = parseMessage(Buffer.from(options(branch), 'latin1')) as SipRequest;
  validateRequest(request);
  layer.receive(request, flow);
}

const parsed = parseMessage(Buffer.from(options(0), 'latin1')) as SipRequest;

/** The transactions by themselves: only the Via is new, and has to be read. */
function fromHeaders(layer: TransactionLayer, flow: Flow, branch: number): void {
  parsed.set(
    'Via',
    `SIP/2.0/TLS 192.0.2.101:51023;branch=z9hG4bK-${branch};received=203.0.113.9;rport=51023`,
  );
  layer.receive(parsed, flow);
}

/** Server transactions a second of one core, OPTIONS answered with 200, with flows that go nowhere. */
export async function run(): Promise<Measured[]> {
  return [
    await measure('server transactions, reliable', true, fromHeaders),
    await measure('server transactions, UDP', false, fromHeaders),
    await measure('server transactions from bytes, reliable', true, fromBytes),
    await measure('server transactions from bytes, UDP', false, fromBytes),
  ];
}

if (import.meta.main) console.table(await run());
