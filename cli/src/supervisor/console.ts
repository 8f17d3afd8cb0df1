import type { Writable } from 'node:stream';
import { harmless } from '../output/harmless.ts';
import { humanLine } from './log-line.ts';
import { RotatingFile } from './rotating-file.ts';

export interface Console {
  /** A line of the supervisor itself. */
  say(line: string): void;
  /** Text for the screen that does not go into a file: it holds passwords. */
  show(text: string): void;
  /** Takes the lines of a part: raw into its file, readable and with its name to stdout. */
  channel(name: string, options?: ChannelOptions): (line: string) => void;
  close(): Promise<void>;
}

export interface ChannelOptions {
  /** Which lines are worth showing on stdout; the file gets all. */
  shows?(line: string): boolean;
}

/** Whoever started us may not read: then lines are dropped, not kept in memory. */
const MAX_PENDING_BYTES = 1024 * 1024;
const NAME_WIDTH = 15;

/** One readable log for all parts, and a file for each in `logDir`. */
export function createConsole(out: Writable, logDir: string): Console {
  const files: RotatingFile[] = [];
  const file = (name: string) => {
    const created = new RotatingFile(`${logDir}/${name}.log`);
    files.push(created);
    return created;
  };
  const print = createPrinter(out);
  const own = file('linchpin');
  return {
    say(line) {
      own.write(`${new Date().toISOString()} ${line}`);
      print('linchpin', line);
    },
    show: (text) => print('linchpin', text),
    channel(name, { shows = () => true } = {}) {
      const raw = file(name);
      return (line) => {
        raw.write(line);
        if (shows(line)) print(name, humanLine(line));
      };
    },
    close: async () => void (await Promise.all(files.map((each) => each.close()))),
  };
}

function createPrinter(out: Writable): (name: string, text: string) => void {
  let dropped = 0;
  let closed = false;
  // EPIPE: the reader left. The files go on.
  out.on('error', () => {
    closed = true;
  });
  return (name, text) => {
    if (closed || out.writableLength > MAX_PENDING_BYTES) return void dropped++;
    if (dropped > 0) out.write(prefixed('linchpin', `${dropped} lines were not read in time`));
    dropped = 0;
    out.write(prefixed(name, text));
  };
}

const prefixed = (name: string, text: string): string =>
  text
    .split('\n')
    .map((line) => `${name.padEnd(NAME_WIDTH)} | ${harmless(line)}\n`)
    .join('');
