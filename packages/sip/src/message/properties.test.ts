import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SipError } from './error.ts';
import { headerName } from './header-names.ts';
import { splitList } from './lists.ts';
import type { SipMessage } from './message.ts';
import { NameAddr } from './name-addr.ts';
import { parseMessage } from './parse.ts';
import { SipRequest } from './request.ts';
import { SipResponse } from './response.ts';
import { tortureMessages } from './torture.ts';
import { SipUri } from './uri.ts';
import { validateRequest, validateResponse } from './validate.ts';
import { Via } from './via.ts';

const characters = (text: string) => fc.constantFrom(...text);
const string = (text: string, least: number, most = 20) =>
  fc.string({ unit: characters(text), minLength: least, maxLength: most });
const alphanumeric = 'abcdefghijklmnopqrstuvwxyzABCXYZ0123456789';

const token = string(`${alphanumeric}-.!%*_+\`'~`, 1);
// Any byte but CR and LF, as a header value; white space at its ends is not part of it.
const bytes = fc.array(
  fc.integer({ min: 0, max: 255 }).filter((byte) => byte !== 10 && byte !== 13),
  { maxLength: 40 },
);
const value = bytes.map((codes) => String.fromCharCode(...codes).replace(/^[ \t]+|[ \t]+$/g, ''));
const host = fc.oneof(
  string(alphanumeric, 1),
  fc.ipV4(),
  fc.ipV6().map((address) => `[${address}]`),
);
const port = fc.option(fc.integer({ min: 0, max: 65535 }), { nil: undefined });
const headers = fc.array(fc.tuple(token, value), { maxLength: 12 });
const body = fc.uint8Array({ maxLength: 50 });
const message = fc.oneof(
  fc
    .tuple(token, string(`${alphanumeric}:@;=?&%`, 1), headers, body)
    .map(
      ([method, uri, lines, content]): SipMessage =>
        SipRequest.create(method, uri, withoutLength(lines), content),
    ),
  fc
    .tuple(fc.integer({ min: 100, max: 699 }), value, headers, body)
    .map(
      ([status, reason, lines, content]): SipMessage =>
        response(status, reason, withoutLength(lines), content),
    ),
);

function withoutLength(lines: [string, string][]): [string, string][] {
  return lines.filter(([name]) => headerName(name) !== 'content-length');
}

function response(
  status: number,
  reason: string,
  lines: [string, string][],
  content: Uint8Array,
): SipResponse {
  const made = new SipResponse(status, reason, [], content);
  for (const [name, text] of lines) made.append(name, text);
  return made;
}

/** What is thrown has to be a SipError. */
function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (error instanceof SipError) return undefined;
    throw error;
  }
}

function readEverything(input: Uint8Array): void {
  const parsed = attempt(() => parseMessage(input));
  if (parsed === undefined) return;
  const names = [
    'via',
    'vias',
    'from',
    'to',
    'callId',
    'cseq',
    'contacts',
    'routes',
    'recordRoutes',
    'contentType',
  ] as const;
  for (const name of [...names, 'maxForwards', 'expires'] as const) attempt(() => parsed[name]);
  attempt(() => [parsed.from.parsedUri.aor(), parsed.to.parsedUri.aor(), parsed.via.rport]);
  if (parsed instanceof SipResponse) attempt(() => validateResponse(parsed));
  else {
    attempt(() => validateRequest(parsed));
    parseMessage(SipResponse.to(parsed, 400).toBuffer());
  }
  const written = parsed.toBuffer();
  expect(parseMessage(written).toBuffer().equals(written)).toBe(true);
}

test('arbitrary bytes are parsed or refused with a SipError', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), readEverything), { numRuns: 500 });
});

test('torture messages with bytes changed are parsed or refused with a SipError', () => {
  const seeds = [...tortureMessages('rfc4475').values()];
  const change = fc.tuple(
    fc.nat(),
    fc.constantFrom(0, 9, 10, 13, 32, 34, 37, 44, 58, 59, 60, 61, 62, 92, 128, 255, 65),
  );
  const mutated = fc.tuple(fc.constantFrom(...seeds), fc.array(change, { minLength: 1, maxLength: 8 }));
  const mutate = ([seed, changes]: [Buffer, [number, number][]]) => {
    const copy = Buffer.from(seed);
    for (const [at, byte] of changes) copy[at % copy.length] = byte;
    readEverything(copy);
  };
  fc.assert(fc.property(mutated, mutate), { numRuns: 3000 });
});

test('a message that was written is read as it was', () => {
  fc.assert(
    fc.property(message, (written) => {
      const read = parseMessage(written.toBuffer());
      const all = (of: SipMessage) =>
        of.lines.filter(({ name }) => name !== 'content-length').map((line) => [line.name, line.value]);
      expect(all(read)).toEqual(all(written));
      expect(Buffer.from(read.body)).toEqual(Buffer.from(written.body));
      expect(read.toBuffer().equals(written.toBuffer())).toBe(true);
    }),
  );
});

test('changing one header leaves the bytes of the others', () => {
  fc.assert(
    fc.property(message, token, value, (original, name, text) => {
      fc.pre(headerName(name) !== 'content-length');
      const changed = parseMessage(original.toBuffer());
      const others = () =>
        changed.lines.filter((line) => line.name !== headerName(name)).map(({ raw }) => raw);
      const before = others();
      for (const change of ['set', 'prepend', 'append', 'replaceFirst', 'dropFirst', 'delete'] as const) {
        if (change === 'delete' || change === 'dropFirst') changed[change](name);
        else changed[change](name, text);
        expect(others()).toEqual(before);
      }
      expect(changed.has(name)).toBe(false);
    }),
  );
});

test('a header value never becomes a second header', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const request = SipRequest.create('OPTIONS', 'sip:a', []);
      attempt(() => request.set('Subject', text));
      expect(parseMessage(request.toBuffer()).lines.length).toBeLessThanOrEqual(2);
    }),
  );
});

const paramValue = fc.option(value, { nil: undefined });
const params = fc.dictionary(string('abcxyz-.', 1), paramValue, { maxKeys: 4 });

test('NameAddr and Via are read as they were written', () => {
  const uri = string(`${alphanumeric}@;=?&%,`, 1).map((rest) => `sip:${rest}`);
  const name = fc.option(value, { nil: undefined });
  fc.assert(
    fc.property(uri, name, params, host, port, (addressUri, displayName, entries, sentBy, sentByPort) => {
      const address = new NameAddr(addressUri, displayName);
      const via = new Via('TCP', sentBy, sentByPort);
      for (const [key, text] of Object.entries(entries)) {
        address.params.set(key, text);
        via.params.set(key, text);
      }
      const [element, ...others] = splitList(`${address}, <sip:other>`);
      expect(others).toEqual(['<sip:other>']);
      const { uri: readUri, displayName: readName, params: readParams } = NameAddr.parse(element ?? '');
      expect([readUri, readName, [...readParams]]).toEqual([addressUri, displayName, [...address.params]]);
      const readVia = Via.parse(via.toString());
      expect([readVia.host, readVia.port, [...readVia.params]]).toEqual([
        sentBy,
        sentByPort,
        [...via.params],
      ]);
    }),
  );
});

test('a SIP URI is read as it was written, and equals itself', () => {
  const user = fc.option(string(`${alphanumeric}-_.!~*'()&=+$,;?/`, 1), { nil: undefined });
  const uriParams = fc.dictionary(
    string('abcxyz', 1),
    fc.option(string(`${alphanumeric}[]/:&+$`, 1), { nil: undefined }),
    { maxKeys: 4 },
  );
  fc.assert(
    fc.property(user, host, port, uriParams, (name, address, number, entries) => {
      const uri = new SipUri('sip', name, address, number);
      for (const [key, text] of Object.entries(entries)) uri.params.set(key, text);
      const read = SipUri.parse(uri.toString());
      expect(read.toString()).toBe(uri.toString());
      expect(read.equals(uri) && uri.equals(read)).toBe(true);
      expect(SipUri.parse(read.aor()).aor()).toBe(read.aor());
    }),
  );
});
