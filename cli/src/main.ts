import { runCommandLine } from './command-line.ts';

// `linchpin get users | head -1`: a reader may leave early.
process.stdout.on('error', () => {});

process.exitCode = await runCommandLine(process.argv.slice(2), {
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
  live: process.stdout.isTTY,
});
