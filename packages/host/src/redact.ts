const SECRET =
  /^(?:password|passwd|ha1|secret|token|(?:proxy-)?authorization|proxyauthorization|credentials?)$/i;
const HIDDEN = '[redacted]';
const MAX_DEPTH = 6;

/** Copies only what holds a secret; instances of classes (errors, buffers, sockets) pass as they are. */
export function redact(fields: Record<string, unknown>): Record<string, unknown> {
  return redactObject(fields, 0);
}

function redactObject(fields: Record<string, unknown>, depth: number): Record<string, unknown> {
  let copy: Record<string, unknown> | undefined;
  for (const [key, value] of Object.entries(fields)) {
    const clean = SECRET.test(key) && value !== undefined ? HIDDEN : redactValue(value, depth + 1);
    if (clean === value) continue;
    copy ??= { ...fields };
    copy[key] = clean;
  }
  return copy ?? fields;
}

function redactValue(value: unknown, depth: number): unknown {
  if (typeof value !== 'object' || value === null || depth > MAX_DEPTH) return value;
  if (Array.isArray(value)) return redactList(value, depth);
  return isPlain(value) ? redactObject(value, depth) : value;
}

function redactList(list: unknown[], depth: number): unknown[] {
  const clean = list.map((element) => redactValue(element, depth + 1));
  return clean.some((element, index) => element !== list[index]) ? clean : list;
}

function isPlain(value: object): value is Record<string, unknown> {
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
