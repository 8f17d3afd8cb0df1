import { isIP } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import {
  answerChallenge,
  createConnector,
  createTransactionLayer,
  type Flow,
  SipRequest,
  SipResponse,
} from '@linchpin/sip';
import { CliError, EXIT } from '../cli-error.ts';
import { isHostPort } from '../management/address.ts';
import { createInbox } from './inbox.ts';

export interface Account {
  /** `alice@contoso.com` */
  name: string;
  password: string;
}

export interface Server {
  transport: 'tls' | 'tcp';
  address: string;
  port: number;
  /** PEM of who signed the server's certificate; by default those that Node trusts. */
  ca?: Buffer;
}

type Headers = [name: string, value: string][];

/** A person's client, as far as a check needs one: it registers, asks for presence, writes and hears. */
export interface Client {
  readonly name: string;
  register(): Promise<void>;
  publish(status: 'open' | 'closed'): Promise<void>;
  subscribe(to: string): Promise<void>;
  message(to: string, text: string): Promise<void>;
  /** The first request, past or to come, for which `match` holds. */
  received(match: (request: SipRequest) => boolean, what: string): Promise<SipRequest>;
  /** Signs out and closes the connection. */
  leave(): Promise<void>;
}

const PATIENCE_MS = 10_000;
const EXPIRES = '300';

export async function connectClient({ name, password }: Account, server: Server): Promise<Client> {
  const domain = name.slice(name.lastIndexOf('@') + 1);
  const inbox = createInbox<SipRequest>(PATIENCE_MS);
  const layer = createTransactionLayer({
    onRequest(request, from) {
      layer.accept(request, from).respond(SipResponse.to(request, 200));
      inbox.push(request);
    },
    onAck: () => {},
  });
  const connector = createConnector({
    transport: server.transport,
    // RFC 5922 7.1: the server's certificate is for the domain, whatever it is reached by.
    tls: { ca: server.ca, minVersion: 'TLSv1.2' } as ConnectionOptions,
    onMessage: (message, from) => layer.receive(message, from),
  });
  const { address, port } = server;
  const flow = await connector.connect({ address, port }, domain).catch((cause: Error) => {
    throw new CliError(`${address}:${port} takes no connection: ${cause.message}`, EXIT.notRunning, {
      cause,
    });
  });
  const contact = `<sip:${flow.sentBy};transport=${server.transport}>`;
  const registration = { callId: newId(), cseq: 0 };

  async function send(method: string, to: string, headers: Headers, body?: string): Promise<void> {
    const session = method === 'REGISTER' ? registration : { callId: newId(), cseq: 0 };
    const uri = method === 'REGISTER' ? `sip:${domain}` : `sip:${to}`;
    const build = (more: Headers): SipRequest =>
      requestOf({ method, uri, from: name, to, session, headers: [...headers, ...more], body });
    let response = await exchange(layer, flow, build([]));
    const answer = answerTo(response, { username: name, password, method, uri });
    if (answer) response = await exchange(layer, flow, build([answer]));
    if (response.status >= 200 && response.status < 300) return;
    const why = response.getAll('ms-diagnostics')[0] ?? '';
    throw new CliError(`${method} by ${name}: ${response.status} ${response.reason} ${why}`.trim());
  }
  const register = (expires: string) =>
    send('REGISTER', name, [
      ['Contact', contact],
      ['Expires', expires],
    ]);

  return {
    name,
    register: () => register(EXPIRES),
    publish: (status) =>
      send(
        'PUBLISH',
        name,
        [
          ['Event', 'presence'],
          ['Expires', EXPIRES],
          ['Content-Type', 'application/pidf+xml'],
        ],
        pidf(name, status),
      ),
    subscribe: (to) =>
      send('SUBSCRIBE', to, [
        ['Contact', contact],
        ['Event', 'presence'],
        ['Accept', 'application/pidf+xml'],
        ['Expires', EXPIRES],
      ]),
    message: (to, text) => send('MESSAGE', to, [['Content-Type', 'text/plain']], text),
    received: inbox.next,
    async leave() {
      await register('0').catch(() => {});
      layer.close();
      await connector.close();
    },
  };
}

const newId = (): string => crypto.randomUUID();

interface Draft {
  method: string;
  uri: string;
  from: string;
  to: string;
  session: { callId: string; cseq: number };
  headers: Headers;
  body: string | undefined;
}

const requestOf = ({ method, uri, from, to, session, headers, body }: Draft): SipRequest =>
  SipRequest.create(
    method,
    uri,
    [
      ['Max-Forwards', '70'],
      ['From', `<sip:${from}>;tag=${newId().slice(0, 8)}`],
      ['To', `<sip:${to}>`],
      ['Call-ID', session.callId],
      ['CSeq', `${++session.cseq} ${method}`],
      ['User-Agent', 'linchpin test'],
      ...headers,
    ],
    body === undefined ? undefined : Buffer.from(body),
  );

const exchange = (
  layer: ReturnType<typeof createTransactionLayer>,
  flow: Flow,
  request: SipRequest,
): Promise<SipResponse> =>
  new Promise((resolve, reject) => {
    const late = () => reject(new CliError(`${request.method}: no answer in ${PATIENCE_MS} ms`));
    const timer = setTimeout(late, PATIENCE_MS);
    const settle = (then: () => void) => {
      clearTimeout(timer);
      then();
    };
    layer.request(request, flow, {
      onResponse: (response) => response.status >= 200 && settle(() => resolve(response)),
      onError: (kind) => settle(() => reject(new CliError(`${request.method}: ${kind}`))),
    });
  });

interface Subject {
  username: string;
  password: string;
  method: string;
  uri: string;
}

function answerTo(response: SipResponse, { username, ...subject }: Subject): [string, string] | undefined {
  const user = { ...subject, username: username.slice(0, username.lastIndexOf('@')) };
  const answer = (header: string) => answerChallenge(response.getAll(header)[0] ?? '', user);
  if (response.status === 401) return ['Authorization', answer('www-authenticate')];
  if (response.status === 407) return ['Proxy-Authorization', answer('proxy-authenticate')];
  return undefined;
}

/** RFC 3863 */
const pidf = (entity: string, basic: string): string =>
  `<?xml version="1.0" encoding="UTF-8"?><presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:${entity}">` +
  `<tuple id="check"><status><basic>${basic}</basic></status></tuple></presence>`;

/** `host:port`; an IPv6 address in brackets. */
export function serverOf(text: string, transport: 'tls' | 'tcp', ca?: Buffer): Server {
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:]+)):(\d+)$/.exec(text) ?? [];
  const address = bracketed ?? plain;
  if (!isHostPort(text) || address === undefined || (bracketed !== undefined && isIP(bracketed) !== 6))
    throw new CliError(`--server ${text}: must be host:port`, EXIT.usage);
  return { transport, address, port: Number(port), ...(ca && { ca }) };
}
