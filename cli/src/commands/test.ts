import { readFile } from 'node:fs/promises';
import { CliError, EXIT } from '../cli-error.ts';
import type { Home } from '../installation/home.ts';
import { requireSettings, type Settings } from '../installation/settings.ts';
import { create, remove } from '../management/changes.ts';
import { type Cms, withCms } from '../management/cms.ts';
import { generatePassword, readPasswordFile } from '../management/password.ts';
import { installationSite } from '../management/site.ts';
import { type Account, type Server, serverOf } from '../synthetic/client.ts';
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

/** A replica applies a version within a second; a sign-in that came before is refused and tried again. */
const SETTLE_MS = 15_000;

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

async function untilKnown(server: Server, accounts: [Account, Account]): Promise<void> {
  const [first, second] = accounts;
  for (const deadline = Date.now() + SETTLE_MS; ; ) {
    const results = [
      ...(await runTransactions(['registration'], { server, accounts: [second, first] })),
      ...(await runTransactions(['registration'], { server, accounts: [first, second] })),
    ];
    if (results.every(({ result }) => result === 'success') || Date.now() > deadline) return;
  }
}
