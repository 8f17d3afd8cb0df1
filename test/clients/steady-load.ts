// People at work: so many sign-ins, messages and changes of presence each second, from clients that behave.
import { randomBytes } from 'node:crypto';
import { type Client, createClient } from './client.ts';
import { createLedger, type Report } from './ledger.ts';
import type { Patience } from './perform.ts';
import { createStack } from './stack.ts';
import type { Way } from './way.ts';

export interface Rates {
  /** Each second, over all users. */
  signIns: number;
  messages: number;
  presence: number;
}

export interface SteadyLoadOptions {
  /** Users take these in turn. */
  ways: readonly Way[];
  /** "alice@contoso.lab" */
  users: readonly string[];
  password: (user: string) => string;
  rates?: Partial<Rates>;
  patience?: Partial<Patience>;
  /** Contacts that each user watches; 2 unless told. */
  contacts?: number;
  /** Sign-ins under way at a time when the load begins. */
  signInsAtOnce?: number;
  /** Seconds; see ClientOptions. */
  expires?: number;
}

export interface SteadyLoad {
  readonly clients: readonly Client[];
  /** What happened so far. */
  report(): Report;
  /** Counts from now on. */
  restart(): void;
  setRates(rates: Partial<Rates>): void;
  /** Users without service at this moment. */
  readonly down: number;
  /** No new work; resolves when what was begun has ended and what is on its way has had time to arrive. */
  quiet(): Promise<Report>;
  /** `quiet`, then signs everybody out. */
  stop(): Promise<Report>;
}

const defaultRates: Rates = { signIns: 1, messages: 10, presence: 1 };
/** Milliseconds that an acknowledged message or a note may still be on its way. */
const ON_ITS_WAY_MS = 5000;
const TICK_MS = 20;

const any = <T>(list: readonly T[]): T => list[Math.floor(Math.random() * list.length)] as T;

/** Resolves when everybody is signed in, or could not be, which the report says. */
export async function startSteadyLoad(options: SteadyLoadOptions): Promise<SteadyLoad> {
  const { users, ways, contacts = 2 } = options;
  const rates = { ...defaultRates, ...options.rates };
  const stack = createStack();
  const ledger = createLedger();
  const run = randomBytes(4).toString('hex');
  let count = 0;

  const clients = users.map((user, index) =>
    createClient({
      user,
      password: options.password(user),
      way: ways[index % ways.length] as Way,
      stack,
      ...(options.patience && { patience: options.patience }),
      ...(options.expires && { expires: options.expires }),
      events: {
        onOutcome: ledger.outcome,
        onLost: ledger.lost,
        onServed: ledger.served,
        onMessage: (_, text) => ledger.delivered(text.split(' ')[0] ?? ''),
        onNote: () => ledger.notified(),
        onOutOfOrder: () => ledger.outOfOrder(),
      },
    }),
  );

  const under = new Set<Promise<unknown>>();
  function track(work: Promise<unknown>): void {
    under.add(work);
    void work.finally(() => under.delete(work));
  }

  async function message(): Promise<void> {
    const from = any(clients);
    const to = any(clients).user;
    const id = `${run}-${++count}`;
    ledger.sent(id, from.user, to);
    ledger.settled(id, await from.message(to, `${id} from ${from.user}`));
  }
  const presence = (): Promise<unknown> => any(clients).publish(`${run}-${++count}`);
  const signIn = (): Promise<unknown> => any(clients).signInAgain();

  await begin(clients, contacts, options.signInsAtOnce ?? 20);

  const work = { signIns: signIn, messages: message, presence };
  const owed = { signIns: 0, messages: 0, presence: 0 };
  let last = performance.now();
  const ticking = setInterval(() => {
    const now = performance.now();
    for (const kind of Object.keys(work) as (keyof Rates)[]) {
      // A process that stood still does not make up for it in one burst.
      owed[kind] += (rates[kind] * Math.min(now - last, 1000)) / 1000;
      for (; owed[kind] >= 1; owed[kind]--) track(work[kind]());
    }
    last = now;
  }, TICK_MS);

  const stale = (): Report['presence']['stale'] => {
    const notes = new Map(clients.map(({ user, publication }) => [user, publication.note]));
    return clients.flatMap(({ user, subscriptions }) =>
      [...subscriptions.values()].flatMap(({ target, note: seen }) => {
        const expected = notes.get(target);
        return expected === undefined || expected === seen ? [] : [{ watcher: user, target, expected, seen }];
      }),
    );
  };

  const sum = (of: (client: Client) => number): number => clients.reduce((total, one) => total + of(one), 0);
  const counted = () => ({
    reconnects: sum(({ reconnects }) => reconnects),
    dialogsRenewed: sum(({ subscriptions }) =>
      [...subscriptions.values()].reduce((all, { dialogs }) => all + Math.max(0, dialogs - 1), 0),
    ),
    publicationsLost: sum(({ publication }) => publication.lost),
  });
  let before = counted();

  const report = (): Report => {
    const now = counted();
    return ledger.report({
      users: clients.length,
      stale: stale(),
      reconnects: now.reconnects - before.reconnects,
      dialogsRenewed: now.dialogsRenewed - before.dialogsRenewed,
      publicationsLost: now.publicationsLost - before.publicationsLost,
    });
  };

  async function quiet(): Promise<Report> {
    Object.assign(rates, { signIns: 0, messages: 0, presence: 0 });
    while (under.size > 0) await Promise.all(under);
    const until = performance.now() + ON_ITS_WAY_MS;
    while (performance.now() < until && (ledger.undelivered().length > 0 || stale().length > 0))
      await new Promise((resolve) => setTimeout(resolve, TICK_MS));
    return report();
  }

  return {
    clients,
    report,
    restart() {
      ledger.restart();
      before = counted();
    },
    setRates: (changed) => void Object.assign(rates, changed),
    get down() {
      return ledger.down;
    },
    quiet,
    async stop() {
      const result = await quiet();
      clearInterval(ticking);
      await inTurn(clients, 50, (client) => client.signOut());
      stack.close();
      return result;
    },
  };
}

async function begin(clients: readonly Client[], contacts: number, atOnce: number): Promise<void> {
  await inTurn(clients, atOnce, (client) => client.signIn());
  const indexed = clients.map((client, index) => ({ client, index }));
  await inTurn(indexed, atOnce, async ({ client, index }) => {
    for (let step = 1; step <= Math.min(contacts, clients.length - 1); step++)
      await client.watch((clients[(index + step) % clients.length] as Client).user);
  });
}

async function inTurn<T>(
  list: readonly T[],
  atOnce: number,
  work: (item: T) => Promise<unknown>,
): Promise<void> {
  const waiting = list.values();
  const worker = async (): Promise<void> => {
    for (const item of waiting) await work(item);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}
