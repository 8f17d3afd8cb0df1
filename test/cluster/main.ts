// `npm run cluster up|test|down`: Linchpin on a kind cluster of this machine, and what it does there when things break.
import { parseArgs } from 'node:util';
import { CommandFailed } from './command.ts';
import { down } from './down.ts';
import { originOf } from './machine.ts';
import { test } from './test.ts';
import { up } from './up.ts';

const usage = `usage: npm run cluster up | test | down [-- options]

  up     makes or reuses the kind cluster "linchpin", builds and loads the images, installs the chart, says how to sign in
         --public      pull the node image and the backends, as a machine with the Internet does
         --local       pull nothing: compile everything (20 minutes once, kept in ~/.cache/linchpin-cluster)
         --no-install  stop before the chart
  test   runs the scenarios of test/cluster/scenarios against it and prints what was measured
         --only <name> those whose name contains this; may be given several times
         --list        says which there are
         --record      puts what was measured into docs/operations.md
  down   uninstalls, deletes the cluster, stops the Docker engine if \`up\` started one; keeps the cache

Without --public or --local, up asks whether a registry answers. kubectl and helm see the cluster with
  export KUBECONFIG=~/.cache/linchpin-cluster/kubeconfig`;

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    public: { type: 'boolean', default: false },
    local: { type: 'boolean', default: false },
    'no-install': { type: 'boolean', default: false },
    only: { type: 'string', multiple: true, default: [] },
    list: { type: 'boolean', default: false },
    record: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
});

const tasks: Record<string, () => Promise<void>> = {
  up: async () => up(await originOf(values), { install: !values['no-install'] }),
  test: () => test({ only: values.only, list: values.list, record: values.record }),
  down,
};

const task = tasks[positionals[0] ?? ''];
if (values.help || task === undefined) {
  console.error(usage);
  process.exit(values.help ? 0 : 2);
}
try {
  await task();
} catch (error) {
  console.error(`npm run cluster ${positionals[0]}: ${(error as Error).message}`);
  if (!(error instanceof CommandFailed) && process.env.DEBUG) console.error(error);
  process.exitCode = 1;
}
