import {
  type Address,
  answerChallenge,
  createConnector,
  createTcpListener,
  createUdpListener,
  type Flow,
  newBranch,
  newCallId,
  newTag,
  SipRequest,
  SipResponse,
} from '@linchpin/sip';
import { createInbox, LAB_DOMAIN } from '@linchpin/testkit';

export interface PhoneOptions {
  user: string;
  password?: string;
  transport?: 'udp' | 'tcp' | 'tls';
  server: Address;
  /** PEM of the authority that a TLS server's certificate has to be of. */
  ca?: string;
}

export interface Asking {
  headers?: [string, string][];
  body?: string;
  from?: string;
  to?: string;
  toTag?: string;
  fromTag?: string;
  callId?: string;
  cseq?: number;
  /** Via values above which the phone's own goes. */
  vias?: string[];
  /** Parameters of the phone's own Via. */
  viaParams?: string;
  password?: string;
  username?: string;
}

/** A SIP client that does as the test says, and nothing by itself: it answers only what the test answers. */
export interface Phone {
  readonly aor: string;
  readonly contact: string;
  readonly flow: Flow;
  build(method: string, uri: string, asking?: Asking): SipRequest;
  send(message: SipRequest | SipResponse): void;
  /** The final response to exactly this request. */
  exchange(request: SipRequest): Promise<SipResponse>;
  /** Sends a request that has had `answers` final responses again. */
  copy(request: SipRequest, answers: number): Promise<SipResponse>;
  /** Sends, and when challenged sends again with an answer to it. */
  ask(method: string, uri: string, asking?: Asking): Promise<SipResponse>;
  register(asking?: Asking & { expires?: number; contact?: string }): Promise<SipResponse>;
  /** The first request of the method that was not taken yet. */
  next(method: string, milliseconds?: number): Promise<SipRequest>;
  answer(request: SipRequest, status: number, headers?: [string, string][], toTag?: string): SipResponse;
  /** The next response with this status. */
  heard(status: number, branch?: string): Promise<SipResponse>;
  readonly requests: readonly SipRequest[];
  close(): Promise<void>;
}

export async function createPhone(options: PhoneOptions): Promise<Phone> {
  const { user, password = `pw-${user}`, transport = 'udp' } = options;
  const requests = createInbox<SipRequest>();
  const responses = createInbox<SipResponse>();
  const taken = new Set<SipRequest>();
  const onMessage = (message: SipRequest | SipResponse) =>
    message instanceof SipRequest ? requests.push(message) : responses.push(message);
  const { flow, close } = await open(options, onMessage);
  const aor = `sip:${user}@${LAB_DOMAIN}`;
  const contact = `sip:${user}@${flow.sentBy}${transport === 'udp' ? '' : `;transport=${transport}`}`;
  const registration = newCallId();
  let cseq = 0;

  function build(method: string, uri: string, asking: Asking = {}): SipRequest {
    const { headers = [], body = '', from = aor, to = method === 'REGISTER' ? aor : uri } = asking;
    const own = `SIP/2.0/${transport.toUpperCase()} ${flow.sentBy};branch=${newBranch()}${asking.viaParams ?? ';rport'}`;
    cseq = asking.cseq ?? cseq + 1;
    return SipRequest.create(
      method,
      uri,
      [
        ...[own, ...(asking.vias ?? [])].map((via): [string, string] => ['Via', via]),
        ['Max-Forwards', '70'],
        ['From', `<${from}>;tag=${asking.fromTag ?? newTag()}`],
        ['To', `<${to}>${asking.toTag === undefined ? '' : `;tag=${asking.toTag}`}`],
        ['Call-ID', asking.callId ?? (method === 'REGISTER' ? registration : newCallId())],
        ['CSeq', `${cseq} ${method}`],
        ...headers,
      ],
      Buffer.from(body),
    );
  }

  const send = (message: SipRequest | SipResponse) => void flow.send(message.toBuffer());

  function exchange(request: SipRequest): Promise<SipResponse> {
    send(request);
    const { branch } = request.via;
    return responses.next(
      ({ status, via, cseq }) => status >= 200 && via.branch === branch && cseq.method === request.method,
    );
  }

  async function copy(request: SipRequest, answers: number): Promise<SipResponse> {
    const isAnswer = ({ via }: SipResponse) => via.branch === request.via.branch;
    send(request);
    await responses.next(() => responses.items.filter(isAnswer).length > answers);
    return responses.items.filter(isAnswer).at(-1) as SipResponse;
  }

  async function ask(method: string, uri: string, asking: Asking = {}): Promise<SipResponse> {
    const kept = { callId: newCallId(), fromTag: newTag(), ...asking };
    if (method === 'REGISTER' && asking.callId === undefined) kept.callId = registration;
    const first = await exchange(build(method, uri, kept));
    if (first.status !== 401 && first.status !== 407) return first;
    const answered = answer401(first, method, uri, { username: user, password, ...asking });
    return exchange(build(method, uri, { ...kept, headers: [...(kept.headers ?? []), answered] }));
  }

  return {
    aor,
    contact,
    flow,
    build,
    send,
    exchange,
    copy,
    ask,
    register({ expires = 600, contact: as = contact, ...asking } = {}) {
      const headers: [string, string][] = [
        ['Contact', `<${as}>`],
        ['Expires', String(expires)],
        ...(asking.headers ?? []),
      ];
      return ask('REGISTER', `sip:${LAB_DOMAIN}`, { ...asking, headers });
    },
    async next(method, milliseconds) {
      const found = await requests.next(
        (request) => request.method === method && !taken.has(request),
        milliseconds,
      );
      taken.add(found);
      return found;
    },
    answer(request, status, headers = [], toTag = newTag()) {
      const response = SipResponse.to(request, status, undefined, { toTag, headers });
      send(response);
      return response;
    },
    heard: (status, branch) =>
      responses.next((response) => response.status === status && (!branch || response.via.branch === branch)),
    requests: requests.items,
    close,
  };
}

type Receive = (message: SipRequest | SipResponse) => void;

async function open({ transport = 'udp', server, ca }: PhoneOptions, onMessage: Receive) {
  if (transport === 'udp') {
    const listener = await createUdpListener({ name: 'phone', address: '127.0.0.1', port: 0, onMessage });
    return { flow: listener.flowTo?.(server) as Flow, close: () => listener.close() };
  }
  const connector = createConnector({ transport, onMessage, ...(ca !== undefined && { tls: { ca } }) });
  const flow = await connector.connect(server, LAB_DOMAIN);
  return { flow, close: () => connector.close() };
}

/** What a client does with a challenge (RFC 7616 3.4): takes the first that it understands. */
export function answer401(
  challenge: SipResponse,
  method: string,
  uri: string,
  { username = '', password = '' }: Asking,
  ncCount = 1,
): [string, string] {
  const [asks, answers] =
    challenge.status === 401
      ? (['www-authenticate', 'Authorization'] as const)
      : (['proxy-authenticate', 'Proxy-Authorization'] as const);
  const [value = ''] = challenge.getAll(asks);
  return [answers, answerChallenge(value, { username, password, method, uri, ncCount })];
}

/** A listener at a TCP port, for clients that wait for connections as RFC 3261 18 has it. */
export const listenTcp = (onMessage: (message: SipRequest | SipResponse, flow: Flow) => void) =>
  createTcpListener({ name: 'phone', address: '127.0.0.1', port: 0, onMessage });
