import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { defaultLimits } from '../message/limits.ts';
import { type Frame, StreamFramer } from './stream-framer.ts';

const limits = { ...defaultLimits, line: 100, headers: 400, body: 1000 };

function frames(framer: StreamFramer): Frame[] {
  const all: Frame[] = [];
  for (let frame = framer.next(); frame !== undefined; frame = framer.next()) all.push(frame);
  return all;
}

/** Frames of a text given whole, as one word each. */
function cut(text: string): string[] {
  const framer = new StreamFramer(limits);
  framer.push(Buffer.from(text, 'latin1'));
  return frames(framer).map(written);
}

function written(frame: Frame): string {
  if (frame.kind === 'ping') return 'ping';
  return frame.kind === 'message' ? frame.bytes.toString('latin1') : frame.error.message;
}

const message = (body = '', header = `Content-Length: ${body.length}`) =>
  `OPTIONS sip:a@b SIP/2.0\r\nVia: x\r\n${header}\r\n\r\n${body}`;

describe('messages', () => {
  test.each([
    ['one', message()],
    ['with a body', message('hello')],
    ['with an empty line within the body', message('a\r\n\r\nb')],
    ['with the compact form', message('hello', 'l: 5')],
    ['in capitals and with white space', message('hello', 'CONTENT-LENGTH \t:  5  ')],
    ['with a folded value', message('hello', 'Content-Length:\r\n 5')],
    ['with the same length twice', message('hello', 'Content-Length: 5\r\nl: 5')],
    ['with another header that ends like it', message('hello', 'X-Content-Length: 9\r\nContent-Length: 5')],
  ])('%s', (_name, text) => expect(cut(text)).toEqual([text]));

  test('several in one piece', () => {
    const [first, second, third] = [message('a'), message(), message('longer')];
    expect(cut(`${first}${second}${third}${message().slice(0, 20)}`)).toEqual([first, second, third]);
  });

  test('in any pieces give the same', () => {
    const text = `\r\n${message('a\r\n\r\nb')}\r\n\r\n${message()}${message('x'.repeat(900))}\r\n\r\n`;
    const whole = cut(text);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 80 }), { minLength: 1 }), (sizes) => {
        const framer = new StreamFramer(limits);
        const found: string[] = [];
        for (let at = 0, i = 0; at < text.length; i++) {
          const size = sizes[i % sizes.length] as number;
          framer.push(Buffer.from(text.slice(at, at + size), 'latin1'));
          found.push(...frames(framer).map(written));
          at += size;
        }
        expect(found).toEqual(whole);
        expect(framer.inMessage).toBe(false);
      }),
    );
  });

  test('keep their bytes while later ones arrive', () => {
    const framer = new StreamFramer(limits);
    const text = message('a'.repeat(500));
    const kept: Buffer[] = [];
    for (let i = 0; i < 20; i++) {
      for (const part of [text.slice(0, 300), text.slice(300)]) {
        framer.push(Buffer.from(part));
        for (const frame of frames(framer)) if (frame.kind === 'message') kept.push(frame.bytes);
      }
    }
    expect(kept.map(String)).toEqual(Array(20).fill(text));
  });
});

describe('empty lines', () => {
  test.each([
    ['one is ignored', '\r\n', []],
    ['two are a ping', '\r\n\r\n', ['ping']],
    ['four are two pings', '\r\n\r\n\r\n\r\n', ['ping', 'ping']],
    ['before a message', `\r\n${message()}`, [message()]],
    ['a ping before a message', `\r\n\r\n${message()}`, ['ping', message()]],
    ['a ping between messages', `${message()}\r\n\r\n${message()}`, [message(), 'ping', message()]],
    ['one before and one after a message', `\r\n${message()}\r\n`, [message()]],
  ])('%s', (_name, text, expected) => expect(cut(text)).toEqual(expected));
});

describe('unframeable input', () => {
  test.each([
    ['no length', message('', 'Subject: x'), '400 Missing content-length'],
    ['a length that is no number', message('', 'Content-Length: five'), '400 Malformed content-length'],
    ['a negative length', message('', 'Content-Length: -1'), '400 Malformed content-length'],
    ['an endless number', message('', `Content-Length: ${'9'.repeat(40)}`), '400 Malformed content-length'],
    ['an empty length', message('', 'Content-Length:'), '400 Malformed content-length'],
    ['two lengths', message('', 'Content-Length: 1\r\nl: 2'), '400 Malformed content-length'],
    ['a length over a fold', message('', 'Content-Length: 1\r\n 2'), '400 Malformed content-length'],
    ['too large a body', message('', 'Content-Length: 1001'), '513 Message Too Large'],
    ['an endless line', 'A'.repeat(101), '400 Header Line Too Long'],
    ['an endless line that ends late', `${'A'.repeat(120)}\r\n`, '400 Header Line Too Long'],
    ['endless headers', `OPTIONS sip:a SIP/2.0\r\n${'a: b\r\n'.repeat(80)}`, '513 Message Too Large'],
    ['too long headers', message('', `${'a: b\r\n'.repeat(80)}l: 0`), '513 Message Too Large'],
    ['a TLS handshake', '\x16\x03\x01\x02\x00', '400 Malformed start line'],
    ['a fold at the start', ' OPTIONS', '400 Malformed start line'],
    ['a lone CR', '\rOPTIONS', '400 Malformed start line'],
    ['LF only', `\nOPTIONS`, '400 Malformed start line'],
  ])('%s', (_name, text, error) => expect(cut(text)).toEqual([error]));

  test('gives what there was, and nothing after', () => {
    const framer = new StreamFramer(limits);
    const text = message('', 'Subject: x');
    framer.push(Buffer.from(text + message()));
    expect(String((framer.next() as { bytes: Buffer }).bytes)).toBe(text + message());
    framer.push(Buffer.from(message()));
    expect(framer.next()).toBeUndefined();
    expect(framer.inMessage).toBe(false);
  });
});

test('says whether a message has begun', () => {
  const framer = new StreamFramer(limits);
  expect(framer.inMessage).toBe(false);
  framer.push(Buffer.from(message('hello').slice(0, -1)));
  expect(framer.next()).toBeUndefined();
  expect(framer.inMessage).toBe(true);
  framer.push(Buffer.from('o'));
  expect(framer.next()?.kind).toBe('message');
  expect(framer.inMessage).toBe(false);
});

test('a message that comes byte by byte is not searched or copied over and over', () => {
  const framer = new StreamFramer(defaultLimits);
  const text = Buffer.from(message('b'.repeat(100_000), 'Content-Length: 100000'));
  let found = 0;
  for (let i = 0; i < text.length; i++) {
    framer.push(text.subarray(i, i + 1));
    if (framer.next() !== undefined) found++;
  }
  expect(found).toBe(1);
});
