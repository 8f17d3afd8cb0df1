import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createConsole } from './console.ts';
import { humanLine } from './log-line.ts';
import { RotatingFile } from './rotating-file.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'linchpin-log-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

describe('a line for people', () => {
  test('shows time, level, message and fields', () => {
    const line = JSON.stringify({
      level: 'warn',
      time: '2026-11-21T10:59:20.056Z',
      role: 'edge',
      pod: 'edge-0',
      port: 5443,
      why: 'too many',
      msg: 'refused',
    });
    expect(humanLine(line)).toBe('10:59:20.056 WARN  refused port=5443 why="too many"');
  });

  test('keeps what is not JSON', () => {
    expect(humanLine('SyntaxError: x')).toBe('SyntaxError: x');
    expect(humanLine('{broken')).toBe('{broken');
  });

  test('shows an error with its stack', () => {
    expect(
      humanLine(
        JSON.stringify({ level: 'error', msg: 'failed', err: { message: 'no', stack: 'Error: no\n  at x' } }),
      ),
    ).toBe('ERROR failed err=no\nError: no\n  at x');
  });
});

describe('a rotating file', () => {
  test('keeps a number of old files, the youngest first', async () => {
    const file = new RotatingFile(join(dir, 'a.log'), { maxBytes: 10, keep: 2 });
    for (const line of ['first line', 'second line', 'third line', 'fourth line']) file.write(line);
    await file.close();
    expect(readdirSync(dir).sort()).toEqual(['a.log', 'a.log.1', 'a.log.2']);
    expect(readFileSync(join(dir, 'a.log'), 'utf8')).toBe('fourth line\n');
    expect(readFileSync(join(dir, 'a.log.2'), 'utf8')).toBe('second line\n');
  });

  test('outlives its folder', async () => {
    const file = new RotatingFile(join(dir, 'logs', 'a.log'), { maxBytes: 10 });
    file.write('first line');
    rmSync(join(dir, 'logs'), { recursive: true });
    file.write('second line');
    await file.close();
  });

  test('goes on where the last run ended', async () => {
    for (const line of ['one', 'two']) {
      const file = new RotatingFile(join(dir, 'a.log'));
      file.write(line);
      await file.close();
    }
    expect(readFileSync(join(dir, 'a.log'), 'utf8')).toBe('one\ntwo\n');
  });
});

describe('the console', () => {
  test('puts names before lines, and raw lines into files', async () => {
    const out = new PassThrough();
    const console = createConsole(out, dir);
    const role = console.channel('edge');
    const quiet = console.channel('nats', { shows: () => false });
    console.say('hello');
    role('{"level":"info","msg":"up"}');
    quiet('chatter');
    await console.close();
    expect(await text(out.end())).toBe('linchpin        | hello\nedge            | INFO  up\n');
    expect(readFileSync(join(dir, 'edge.log'), 'utf8')).toBe('{"level":"info","msg":"up"}\n');
    expect(readFileSync(join(dir, 'nats.log'), 'utf8')).toBe('chatter\n');
  });

  test('does not let a line steer the terminal', async () => {
    const out = new PassThrough();
    const console = createConsole(out, dir);
    console.channel('edge')('evil \u001b[2J\rline');
    await console.close();
    expect(await text(out.end())).toBe('edge            | evil \ufffd[2J\ufffdline\n');
  });

  test('drops lines, not memory, when nobody reads; says how many', async () => {
    const stuck: (() => void)[] = [];
    let written = '';
    const out = new Writable({
      decodeStrings: false,
      write(chunk, _, done) {
        written += chunk;
        stuck.push(done);
      },
    });
    const console = createConsole(out, dir);
    for (let n = 0; n < 200; n++) console.say('x'.repeat(10_000));
    expect(out.writableLength).toBeLessThan(1.1 * 1024 * 1024);
    while (out.writableLength > 0) {
      stuck.shift()?.();
      await new Promise(setImmediate);
    }
    console.say('awake');
    stuck.shift()?.();
    await console.close();
    expect(written).toMatch(/linchpin {2}\| \d+ lines were not read in time\n$|awake\n$/);
    expect(written).toContain('lines were not read in time');
  });

  test('survives a reader that goes away', async () => {
    const out = new PassThrough();
    const console = createConsole(out, dir);
    out.destroy(new Error('EPIPE'));
    await new Promise((resolve) => out.once('close', resolve));
    console.say('still here');
    await console.close();
    expect(readFileSync(join(dir, 'linchpin.log'), 'utf8')).toContain('still here');
  });
});
