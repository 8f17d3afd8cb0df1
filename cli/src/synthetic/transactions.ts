// Synthetic transactions: what people do all day, done by two accounts, with the time that it took.
import { type Account, type Client, connectClient, type Server } from './client.ts';

export interface Result {
  transaction: Transaction;
  result: 'success' | 'failure';
  milliseconds: number;
  /** What went wrong; empty on success. */
  error: string;
}

export const TRANSACTIONS = ['registration', 'presence', 'im'] as const;
export type Transaction = (typeof TRANSACTIONS)[number];

export interface Checks {
  server: Server;
  /** registration needs the first only. */
  accounts: readonly [Account, Account];
}

export async function runTransactions(names: readonly Transaction[], checks: Checks): Promise<Result[]> {
  const results: Result[] = [];
  for (const name of names) results.push(await timed(name, () => BODY[name](checks)));
  return results;
}

async function timed(transaction: Transaction, run: () => Promise<void>): Promise<Result> {
  const startedAt = performance.now();
  const since = () => Math.round(performance.now() - startedAt);
  try {
    await run();
    return { transaction, result: 'success', milliseconds: since(), error: '' };
  } catch (error) {
    return { transaction, result: 'failure', milliseconds: since(), error: (error as Error).message };
  }
}

const BODY: Record<Transaction, (checks: Checks) => Promise<void>> = {
  registration: ({ server, accounts: [account] }) =>
    withClients(server, [account], async ([client]) => client?.register()),

  presence: ({ server, accounts }) =>
    withClients(server, accounts, async ([watcher, watched]) => {
      if (!watcher || !watched) return;
      await Promise.all([watcher.register(), watched.register()]);
      await watcher.subscribe(watched.name);
      await watched.publish('open');
      const tells = (body: string) => body.includes(watched.name) && /<(\w+:)?basic>open</.test(body);
      await watcher.received(
        (request) => request.method === 'NOTIFY' && tells(bodyOf(request)),
        `the presence of ${watched.name}`,
      );
    }),

  im: ({ server, accounts }) =>
    withClients(server, accounts, async ([sender, receiver]) => {
      if (!sender || !receiver) return;
      await Promise.all([sender.register(), receiver.register()]);
      const text = `check ${crypto.randomUUID()}`;
      await sender.message(receiver.name, text);
      await receiver.received(
        (request) => request.method === 'MESSAGE' && bodyOf(request) === text,
        `the message to ${receiver.name}`,
      );
    }),
};

const bodyOf = ({ body }: { body: Uint8Array }): string => Buffer.from(body).toString('utf8');

async function withClients(
  server: Server,
  accounts: readonly Account[],
  use: (clients: Client[]) => Promise<void>,
): Promise<void> {
  const clients: Client[] = [];
  try {
    for (const account of accounts) clients.push(await connectClient(account, server));
    await use(clients);
  } finally {
    await Promise.all(clients.map((client) => client.leave()));
  }
}
