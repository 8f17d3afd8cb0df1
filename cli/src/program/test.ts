import { type Command, Option } from 'commander';
import { homeOf, type OutputOption, print, type Terminal, withOutput } from './options.ts';

interface TestOptions extends OutputOption {
  server: string;
  transport: 'tls' | 'tcp';
  ca?: string;
  account: string[];
}

export function addTestCommand(program: Command, terminal: Terminal): void {
  withOutput(program.command('test [transaction]'))
    .description('synthetic transactions: registration, presence or im; all of them without a name')
    .requiredOption('--server <host:port>', 'where clients sign in')
    .addOption(new Option('--transport <name>').choices(['tls', 'tcp']).default('tls'))
    .option('--ca <file>', 'who signed the certificate of the server, for a private CA')
    .option(
      '--account <name@domain=file...>',
      'two users, each with the file of its password; without, two are created and deleted again',
      [],
    )
    .action(async (transaction: string | undefined, options: TestOptions) => {
      const { TRANSACTIONS } = await import('../synthetic/transactions.ts');
      const { CliError, EXIT } = await import('../cli-error.ts');
      const chosen = TRANSACTIONS.filter((name) => transaction === undefined || name === transaction);
      if (chosen.length === 0)
        throw new CliError(`${transaction}: must be one of ${TRANSACTIONS.join(', ')}`, EXIT.usage);
      const { test } = await import('../commands/test.ts');
      const { resultTable } = await import('../output/test.ts');
      const { server, transport, ca: caFile, account: accounts } = options;
      const results = await test({
        home: homeOf(options),
        transactions: chosen,
        ...{ server, transport, caFile, accounts },
      });
      await print(terminal, options, results, () => resultTable(results));
      const failed = results.filter(({ result }) => result === 'failure');
      if (failed.length > 0) throw new CliError(`${failed.length} of ${results.length} failed`);
    });
}
