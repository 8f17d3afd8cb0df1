import { readFile } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { CliError, EXIT } from '../cli-error.ts';
import type { Home } from '../installation/home.ts';
import { requireSettings, type Settings } from '../installation/settings.ts';
import { create, remove } from '../management/changes.ts';
import { type Cms, withCms } from '../management/cms.ts';
import { generatePassword, readPasswordFile } from '../management/password.ts';
import { installationSite } from '../management/site.ts';
import { type Account, connectClient, type Server, serverOf } from '../synthetic/client.ts';
import { type Result, runTransactions, type Transaction } from '../synthetic/transactions.ts';

export interface TestOptions {
  home: Home;
  transactions: readonly Transaction[];
  /** `host:port` */
  server: string;
  transport: 'tls' | 'tcp';
  caFile?: string | undefined;
  /** Each `name@domain=password file`; without two of them, users are created and deleted again. */
  accounts: readonly string[];
}

/** Does as two people would. */
export async function test({ home, transactions, accounts, ...options }: TestOptions): Promise<Result[]> {
  const ca = options.caFile === undefined ? undefined : await readFile(options.caFile);
  const server = serverOf(options.server, options.transport, ca);
  if (accounts.length === 0) return withPassingUsers(home, transactions, server);
  const [first, second] = await Promise.all(accounts.map(readAccount));
  if (first === undefined || second === undefined)
    throw new CliError('--account: give two, or none to have two made for the test', EXIT.usage);
  return runTransactions(transactions, { server, accounts: [first, second] });
}

async function readAccount(text: string): Promise<Account> {
  const [name = '', file = ''] = text.split('=', 2);
  if (!name.includes('@') || file === '')
    throw new CliError(`--account ${text}: must be name@domain=password-file`, EXIT.usage);
  return { name, password: await readPasswordFile(file) };
}

async function withPassingUsers(
  home: Home,
  transactions: readonly Transaction[],
  server: Server,
): Promise<Result[]> {
  const settings = await requireSettings(home);
  return withCms(installationSite(home, settings), async (cms) => {
    const accounts = await createUsers(cms, settings);
    try {
      await untilKnown(server, accounts);
      return await runTransactions(transactions, { server, accounts });
    } finally {
      await cms.publish(accounts.map(({ name }) => remove('User', name)));
    }
  });
}

async function createUsers(cms: Cms, { domain }: Settings): Promise<[Account, Account]> {
  const mark = crypto.randomUUID().slice(0, 8);
  const account = (at: number): Account => ({
    name: `check-${mark}-${at}@${domain}`,
    password: generatePassword(),
  });
  const accounts: [Account, Account] = [account(1), account(2)];
  const spec = { displayName: 'Check', enabled: true, pool: 'frontend' };
  await cms.publish(accounts.map(({ name, password }) => create('User', name, spec, { password })));
  return accounts;
}

/** Few attempts: a Director shuts a source out that fails to sign in again and again. */
const PAUSES_MS = [250, 500, 1000, 2000, 4000, 8000];

/** New users are known when every pod runs the version that has them; a server that is not there is the transactions' to say. */
async function untilKnown(server: Server, accounts: readonly Account[]): Promise<void> {
  for (const pause of PAUSES_MS) {
    try {
      for (const account of accounts) await signIn(account, server);
      return;
    } catch (error) {
      if ((error as CliError).exitCode === EXIT.notRunning) return;
      await wait(pause);
    }
  }
}

async function signIn(account: Account, server: Server): Promise<void> {
  const client = await connectClient(account, server);
  try {
    await client.register();
  } finally {
    await client.leave();
  }
}
