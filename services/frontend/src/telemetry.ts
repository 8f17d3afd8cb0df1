import { Counter, type CounterConfiguration, Gauge, Histogram, type Registry } from 'prom-client';

export interface Sizes {
  registrations(): number;
  users(): number;
  transactions(): { server: number; client: number };
  flows(): number;
  peers(): number;
  held(): number;
  /** Routing groups that are served here, and those of which there is a warm copy. */
  groups(): { owned: number; warm: number };
}

/** Those of RFC 3261 and its extensions: what a stranger makes up must not become a label. */
const methods = new Set(
  'REGISTER INVITE BYE OPTIONS MESSAGE SUBSCRIBE NOTIFY PUBLISH INFO UPDATE PRACK REFER'.split(' '),
);
const labelOf = (method: string): string => (methods.has(method) ? method : 'other');

/** Every metric that a Front End emits. */
export function createTelemetry(registry: Registry) {
  const registers = [registry];
  const requests = createTally(registry, {
    name: 'linchpin_frontend_requests_total',
    help: 'Requests received, retransmissions not counted',
    labelNames: ['method'],
  });
  const responses = createTally(registry, {
    name: 'linchpin_frontend_responses_total',
    help: 'Final responses sent or passed on',
    labelNames: ['method', 'code'],
  });
  const refusals = new Counter({
    name: 'linchpin_frontend_refusals_total',
    help: 'Requests refused, by the rule that refused them',
    labelNames: ['rule'],
    registers,
  });
  const malformed = new Counter({
    name: 'linchpin_frontend_malformed_total',
    help: 'Messages that could not be read',
    labelNames: ['transport'],
    registers,
  });
  const messages = new Counter({
    name: 'linchpin_frontend_messages_relayed_total',
    help: 'MESSAGE requests by the class of their final response',
    labelNames: ['outcome'],
    registers,
  });
  const relayed = new Counter({
    name: 'linchpin_frontend_requests_relayed_total',
    help: 'Requests brought to the Front End that serves their user, copies not counted',
    registers,
  });
  const writes = new Histogram({
    name: 'linchpin_frontend_state_write_seconds',
    help: 'From a change of user state until it is stored, or given up',
    labelNames: ['stored'],
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 1, 5],
    registers,
  });
  const [stored, failed] = [writes.labels('true'), writes.labels('false')];

  return {
    request: (method: string) => requests.count(labelOf(method)),
    response: (method: string, code: number) => responses.count(`${labelOf(method)} ${code}`),
    refusal: (rule: string) => refusals.inc({ rule }),
    malformed: (transport: string) => malformed.inc({ transport }),
    message: (outcome: 'delivered' | 'failed') => messages.inc({ outcome }),
    relayed: () => relayed.inc(),
    write: (seconds: number, isStored: boolean) => (isStored ? stored : failed).observe(seconds),
    watch: (sizes: Sizes) => watchSizes(registry, sizes),
  };
}

export type Telemetry = ReturnType<typeof createTelemetry>;

/** A counter for what happens with each message: its labels, in one word each, are told apart only when somebody looks. */
function createTally<L extends string>(
  registry: Registry,
  counter: CounterConfiguration<L> & { labelNames: L[] },
) {
  const counts = new Map<string, number>();
  new Counter({
    ...counter,
    registers: [registry],
    collect() {
      this.reset();
      for (const [words, count] of counts) this.labels(...words.split(' ')).inc(count);
    },
  });
  return { count: (words: string) => void counts.set(words, (counts.get(words) ?? 0) + 1) };
}

function watchSizes(registry: Registry, sizes: Sizes): void {
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      name: `linchpin_frontend_${name}`,
      help,
      registers: [registry],
      collect() {
        this.set(read());
      },
    });
  gauge('registrations', 'Bindings that have not expired', sizes.registrations);
  gauge('users', 'Users with at least one binding', sizes.users);
  gauge('flows', 'Open connections, and flows at other pods', sizes.flows);
  gauge('peers', 'Streams to other Front Ends that are open', sizes.peers);
  gauge('held', 'Requests that wait for somebody who serves their user', sizes.held);
  gauge('groups_owned', 'Routing groups that this pod owns', () => sizes.groups().owned);
  gauge('groups_warm', 'Routing groups that this pod could take over at once', () => sizes.groups().warm);
  gauge('server_transactions', 'Server transactions kept', () => sizes.transactions().server);
  gauge('client_transactions', 'Client transactions kept', () => sizes.transactions().client);
}
