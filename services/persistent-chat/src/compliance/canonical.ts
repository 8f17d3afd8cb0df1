/**
 * RFC 8785 (JCS): one way to write a JSON value, so that equal values have equal hashes. Throws TypeError for what JSON cannot say.
 * Unlike 3.2.2.2 a lone surrogate is no error but written as \udXXX: a post with one in it is evidence as well.
 */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value === 'object' && value !== null) return object(value as Record<string, unknown>);
  if (typeof value === 'number' && !Number.isFinite(value)) throw new TypeError(`${value} is no JSON number`);
  const text = JSON.stringify(value) as string | undefined;
  if (text === undefined) throw new TypeError(`a ${typeof value} is no JSON value`);
  return text;
}

// 3.2.3: the default order of sort() is that of UTF-16 code units.
function object(value: Record<string, unknown>): string {
  const keys = Object.keys(value).filter((key) => value[key] !== undefined);
  return `{${keys
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`)
    .join(',')}}`;
}
