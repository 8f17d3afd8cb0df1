import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { reportText } from '../clients/report-text.ts';
import { openLab } from './lab.ts';
import { cache, findEngine, root } from './machine.ts';
import { say } from './progress.ts';
import { type Result, type Row, rowText, type Scenario, sentence, tableOf } from './scenario.ts';

const folder = join(import.meta.dirname, 'scenarios');
/** Those that disturb least come first; what takes the release away comes last. */
const ORDER = ['people-', 'foreign-', 'messages-', '', 'mistakes-', 'an-uninstall-'];
const rank = (name: string): number => {
  const found = ORDER.findIndex((start) => start !== '' && name.startsWith(start));
  return found < 0 ? ORDER.indexOf('') : found;
};

const names = readdirSync(folder)
  .filter((file) => file.endsWith('.ts'))
  .map((file) => file.slice(0, -3))
  .sort((a, b) => rank(a) - rank(b) || a.localeCompare(b));

export interface TestOptions {
  /** Parts of names; all scenarios where empty. */
  only: readonly string[];
  list?: boolean;
  /** Puts the table into docs/operations.md; scenarios that did not run keep theirs. */
  record?: boolean;
}

/** Runs scenarios one after the other; sets the exit code. */
export async function test({ only, list = false, record = false }: TestOptions): Promise<void> {
  if (list) return console.log(names.join('\n'));
  const chosen = names.filter((name) => only.length === 0 || only.some((part) => name.includes(part)));
  if (chosen.length === 0) throw new Error(`no scenario has that name; there are:\n${names.join('\n')}`);
  if (!(await findEngine())) throw new Error('no Docker engine runs: npm run cluster up');
  const free = takeLock();
  process.once('exit', free);
  const results: Result[] = [];
  for (const name of chosen) results.push(await runScenario(name));
  const table = tableOf(results);
  const file = join(cache, 'scenarios.md');
  writeFileSync(file, `${table}\n`);
  console.log(`\n${table}\n`);
  if (record) recordIn(join(root, 'docs/operations.md'), results);
  const failed = results.flatMap(({ rows }) => rows).filter(({ ok }) => !ok).length;
  say(
    failed === 0 ? `all passed; the table is in ${file}` : `${failed} steps failed; the table is in ${file}`,
  );
  process.exitCode = failed === 0 ? 0 : 1;
}

const BEGIN = '<!-- scenarios: npm run cluster test -- --record -->';
const END = '<!-- end of scenarios -->';

/** Between two marks, a heading for each scenario. */
function recordIn(file: string, results: readonly Result[]): void {
  const text = readFileSync(file, 'utf8');
  const [head = '', rest = ''] = text.split(BEGIN);
  const [before = '', tail = ''] = rest.split(END);
  const known = new Map(
    before
      .split(/^(?=### )/m)
      .filter((part) => part.startsWith('### '))
      .map((part) => [part.split('\n')[0], part.trim()]),
  );
  for (const result of results) known.set(`### ${sentence(result.name)}`, tableOf([result]));
  const ordered = names.flatMap((name) => known.get(`### ${sentence(name)}`) ?? []);
  writeFileSync(file, `${head}${BEGIN}\n\n${ordered.join('\n\n')}\n\n${END}${tail}`);
}

/** Two runs at a time would take each other's pods away. Returns what gives the lock back. */
function takeLock(): () => void {
  const lock = join(cache, 'test.lock');
  const [holder = '', since = ''] = existsSync(lock) ? readFileSync(lock, 'utf8').split(' ') : [];
  if (since !== '' && startOf(holder) === since)
    throw new Error(`the scenarios run already, in process ${holder}`);
  writeFileSync(lock, `${process.pid} ${startOf('self')}`);
  return () => rmSync(lock, { force: true });
}

/** When a process began, in clock ticks since the machine did (proc(5)): its number may be another's by now. */
function startOf(pid: string): string | undefined {
  const file = `/proc/${pid}/stat`;
  return existsSync(file) ? readFileSync(file, 'utf8').split(') ').at(-1)?.split(' ')[19] : undefined;
}

async function runScenario(name: string): Promise<Result> {
  const begun = performance.now();
  const rows: Row[] = [];
  const note = (row: Row): void => {
    rows.push(row);
    say(`  ${rowText(row)}`);
    if (!row.ok && row.report) console.error(reportText(row.report));
  };
  say(sentence(name));
  try {
    const { run } = (await import(join(folder, `${name}.ts`))) as Scenario;
    await run(await openLab(), note);
  } catch (error) {
    note({ step: 'the scenario itself', ok: false, measured: (error as Error).message });
    console.error(error);
  }
  return { name, rows, seconds: (performance.now() - begun) / 1000 };
}
