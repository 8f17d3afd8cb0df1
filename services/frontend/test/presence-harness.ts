// Presence as a whole on the real transaction layer, with clients that are a list of what they were sent.
import { fromKeyToken } from '@linchpin/proto/subjects';
import {
  createTransactionLayer,
  type Flow,
  newBranch,
  newCallId,
  newTag,
  parseMessage,
  SipRequest,
  SipResponse,
  type TransactionLayer,
} from '@linchpin/sip';
import { type EffectiveUser, GROUPS, groupOf } from '@linchpin/topology';
import { Registry } from 'prom-client';
import type { UserState } from '../src/fabric/user-state.ts';
import { createPresence, type Presence, type PresenceOptions } from '../src/presence/index.ts';
import { Refused } from '../src/refused.ts';
import type { Binding } from '../src/registrar/binding.ts';
import type { Call, ReplyOptions } from '../src/signaling/call.ts';

export interface FakeState extends UserState {
  readonly values: Map<string, string>;
  readonly writes: string[];
  /** Makes writes reject. */
  away: boolean;
}

export function createFakeState(values = new Map<string, string>()): FakeState {
  const writes: string[] = [];
  const write = async (key: string, change: () => void): Promise<void> => {
    if (state.away) throw Object.assign(new Error('away'), { name: 'StateUnavailable' });
    writes.push(key);
    change();
    await Promise.resolve();
  };
  const parsed = new Map<string, { text: string; value: unknown }>();
  const stored = (key: string): unknown => {
    const text = values.get(key);
    if (text === undefined) return undefined;
    if (parsed.get(key)?.text !== text) parsed.set(key, { text, value: JSON.parse(text) });
    return parsed.get(key)?.value;
  };
  const state: FakeState = {
    values,
    writes,
    away: false,
    get: <T>(key: string) => stored(key) as T | undefined,
    put: (key, value) => write(key, () => values.set(key, JSON.stringify(value))),
    delete: (key) => write(key, () => values.delete(key)),
    *entries<T>(prefix: string) {
      for (const key of [...values.keys()])
        if (key.startsWith(prefix)) yield [key, stored(key) as T] as [string, T];
    },
    *entriesOf<T>(group: number, facet: string) {
      for (const [key, value] of state.entries<T>(`${facet}.`))
        if (groupOf(`sip:${fromKeyToken(key.split('.')[1] ?? '')}`) === group)
          yield [key, value] as [string, T];
    },
  };
  return state;
}

export interface FakeFlow extends Flow {
  closed: boolean;
  /** Requests that came to the client, retransmissions left out. */
  readonly received: SipRequest[];
  /** Status that the client answers at once; undefined answers nothing. */
  answer: number | undefined;
  respond(request: SipRequest, status: number): void;
}

let flows = 0;

export function createFakeFlow(
  layer: () => TransactionLayer,
  options: { reliable?: boolean } = {},
): FakeFlow {
  const port = 10_000 + flows++;
  const received: SipRequest[] = [];
  const flow: FakeFlow = {
    id: `edge-0/${port}`,
    transport: options.reliable === false ? 'udp' : 'tcp',
    reliable: options.reliable ?? true,
    remote: { address: '192.0.2.1', port },
    local: { address: '192.0.2.200', port: 5060 },
    sentBy: 'frontend-0.contoso.lab:5060',
    identity: '',
    closed: false,
    received,
    answer: 200,
    send(bytes) {
      if (flow.closed) return false;
      const message = parseMessage(bytes);
      if (!(message instanceof SipRequest)) return true;
      if (received.some((one) => one.via.branch === message.via.branch)) return true;
      received.push(message);
      const { answer } = flow;
      if (answer !== undefined) queueMicrotask(() => flow.respond(message, answer));
      return true;
    },
    respond: (request, status) => layer().receive(parsed(SipResponse.to(request, status)), flow),
    close: () => {
      flow.closed = true;
    },
    onClose: () => () => {},
  };
  return flow;
}

const parsed = (message: SipRequest | SipResponse) => parseMessage(message.toBuffer());

export const user = (
  aor: string,
  spec: Partial<EffectiveUser['spec']> = {},
  policy: Partial<EffectiveUser['presencePolicy']> = {},
): EffectiveUser => ({
  aor,
  spec: { enabled: true, pool: 'frontend', ...spec },
  credential: undefined,
  presencePolicy: {
    privacyMode: false,
    maxSubscribers: 1000,
    maxPromptedSubscribers: 200,
    minSubscriptionExpires: 60,
    defaultSubscriptionExpires: 28_800,
    maxSubscriptionExpires: 43_200,
    ...policy,
  },
  externalAccessPolicy: { outsideAccess: true },
  persistentChatPolicy: { enabled: false },
  registrar: {
    maxEndpointsPerUser: 8,
    maxUserCount: 12_000,
    minExpires: 300,
    defaultExpires: 600,
    maxExpires: 900,
    digestAlgorithms: ['SHA-256', 'MD5'],
  },
});

export const binding = (flow: Flow, contact: string, instance?: string): Binding => ({
  contact,
  ...(instance === undefined ? {} : { instance }),
  callId: 'register',
  cseq: 1,
  flowId: flow.id,
  transport: flow.transport,
  received: `${flow.remote.address}:${flow.remote.port}`,
  expiresAt: Date.now() + 600_000,
  path: [],
  params: '',
  sentBy: flow.sentBy,
  q: 1,
});

export class Harness {
  readonly users = new Map(
    ['alice', 'bob', 'carol'].map((name) => [`sip:${name}@contoso.lab`, user(`sip:${name}@contoso.lab`)]),
  );
  domains = ['contoso.lab'];
  readonly bindings = new Map<string, Binding[]>();
  readonly flows = new Map<string, FakeFlow>();
  readonly state = createFakeState();
  metrics = new Registry();
  layer = createLayer();
  presence: Presence;

  constructor() {
    this.presence = this.#start();
    this.take();
  }

  /** Another Front End on the same store, which has taken nothing yet. */
  neighbour(options: Partial<PresenceOptions> = {}): { presence: Presence; stop(): void } {
    const presence = this.#start({ metrics: new Registry(), ...options });
    return { presence, stop: () => presence.stop() };
  }

  #start(options: Partial<PresenceOptions> = {}): Presence {
    return createPresence({
      layer: this.layer,
      state: this.state,
      directory: {
        domains: () => this.domains,
        isLocalDomain: (domain) => this.domains.includes(domain),
        user: (aor) => this.users.get(aor),
      },
      bindings: (aor) => this.bindings.get(aor) ?? [],
      flow: (id) => this.flows.get(id),
      contactFor: (flow) => `sip:${flow.sentBy};transport=${flow.transport}`,
      log: { warn: () => {} },
      metrics: this.metrics,
      ...options,
    });
  }

  flow(options: { reliable?: boolean } = {}): FakeFlow {
    const flow = createFakeFlow(() => this.layer, options);
    this.flows.set(flow.id, flow);
    return flow;
  }

  /** The process dies, and another one takes up what is stored. */
  restart(beforeRestore: (presence: Presence) => void = () => {}): void {
    this.stop();
    this.metrics = new Registry();
    this.layer = createLayer();
    this.presence = this.#start();
    beforeRestore(this.presence);
    this.take();
  }

  /** All groups, as a pod that is alone. */
  take(): void {
    for (let group = 0; group < GROUPS; group++) this.presence.take(group);
  }

  stop(): void {
    this.presence.stop();
    this.layer.close();
  }

  /** The final answer to a request that the identity sends on the flow. */
  async send(identity: string, flow: Flow, request: SipRequest): Promise<SipResponse> {
    const answers: SipResponse[] = [];
    const reply = (status: number, reason?: string, options?: ReplyOptions) =>
      void answers.push(SipResponse.to(request, status, reason, options));
    const call: Call = {
      request,
      flow,
      identity,
      traceparent: '',
      reply,
      refuse: (status, reason, rule, options = {}) =>
        reply(status, reason, { headers: [...(options.headers ?? []), ['x-rule', rule]] }),
    };
    try {
      await (request.method === 'PUBLISH' ? this.presence.publish(call) : this.presence.subscribe(call));
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      call.refuse(error.status, error.message, error.rule, { headers: error.headers });
    }
    if (answers[0] === undefined) throw new Error('no answer');
    return answers[0];
  }

  publish(name: string, flow: Flow, body: string | undefined, headers: Record<string, string> = {}) {
    const aor = `sip:${name}@contoso.lab`;
    const fields: Record<string, string> = { event: 'presence' };
    if (body !== undefined) fields['content-type'] = 'application/pidf+xml';
    const request = create('PUBLISH', aor, aor, { ...fields, ...headers }, body);
    return this.send(aor, flow, request);
  }

  /** Publishes and expects that to succeed. Returns the entity tag. */
  async published(
    name: string,
    flow: Flow,
    body: string | undefined,
    headers: Record<string, string> = {},
  ): Promise<string> {
    const response = await this.publish(name, flow, body, headers);
    if (response.status !== 200) throw new Error(`${response.status} ${response.reason}`);
    return response.get('sip-etag') ?? '';
  }

  async watch(watcher: string, presentity: string, flow: FakeFlow, headers: Record<string, string> = {}) {
    const aor = `sip:${watcher}@contoso.lab`;
    const fields = {
      event: 'presence',
      expires: '600',
      contact: `<sip:${watcher}@192.0.2.1:${flow.remote.port}>`,
      ...headers,
    };
    const request = create('SUBSCRIBE', aor, `sip:${presentity}@contoso.lab`, fields);
    const response = await this.send(aor, flow, request);
    return new WatcherDialog(this, aor, flow, request, response);
  }
}

/** The watcher's side of one subscription. */
export class WatcherDialog {
  readonly #harness: Harness;
  readonly #request: SipRequest;
  #seq = 1;
  readonly watcher: string;
  readonly response: SipResponse;
  flow: FakeFlow;

  constructor(harness: Harness, watcher: string, flow: FakeFlow, request: SipRequest, response: SipResponse) {
    this.#harness = harness;
    this.#request = request;
    this.watcher = watcher;
    this.flow = flow;
    this.response = response;
  }

  get notifies(): SipRequest[] {
    return this.flow.received.filter(({ callId }) => callId === this.#request.callId);
  }

  get last(): SipRequest {
    const last = this.notifies.at(-1);
    if (!last) throw new Error('no NOTIFY');
    return last;
  }

  get body(): string {
    return Buffer.from(this.last.body).toString();
  }

  resubscribe(headers: Record<string, string> = {}, identity = this.watcher): Promise<SipResponse> {
    const request = this.#request.clone();
    request.set('to', this.response.get('to') ?? '');
    request.set('cseq', `${++this.#seq} SUBSCRIBE`);
    for (const [name, value] of Object.entries(headers)) request.set(name, value);
    return this.#harness.send(identity, this.flow, request);
  }
}

function createLayer(): TransactionLayer {
  return createTransactionLayer({ onRequest: () => {}, onAck: () => {} });
}

function create(
  method: string,
  from: string,
  uri: string,
  headers: Record<string, string>,
  body = '',
): SipRequest {
  const all: [string, string][] = [
    ['via', `SIP/2.0/TCP 192.0.2.1;branch=${newBranch()}`],
    ['from', `<${from}>;tag=${newTag()}`],
    ['to', `<${uri}>`],
    ['call-id', newCallId()],
    ['cseq', `1 ${method}`],
    ['max-forwards', '70'],
    ...Object.entries(headers),
  ];
  return SipRequest.create(method, uri, all, Buffer.from(body));
}
