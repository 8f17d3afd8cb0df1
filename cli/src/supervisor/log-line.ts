const LEVELS: Record<string, string> = {
  trace: 'TRACE',
  debug: 'DEBUG',
  info: 'INFO ',
  warn: 'WARN ',
  error: 'ERROR',
  fatal: 'FATAL',
};

/** Fields that a reader on one machine knows already. */
const SILENT = new Set(['level', 'time', 'msg', 'role', 'pod', 'pid', 'hostname', 'err']);

/** A role's JSON line for people: time, level, message, fields. What is no JSON object (a crash, say) stays as it is. */
export function humanLine(line: string): string {
  const entry = parse(line);
  if (entry === undefined) return line;
  const time = typeof entry.time === 'string' ? entry.time.slice(11, 23) : '';
  const level = LEVELS[String(entry.level)] ?? String(entry.level ?? '');
  return [time, level, entry.msg, ...fields(entry), problem(entry.err)].filter(Boolean).join(' ');
}

function parse(line: string): Record<string, unknown> | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

const fields = (entry: Record<string, unknown>): string[] =>
  Object.entries(entry)
    .filter(([name]) => !SILENT.has(name))
    .map(([name, value]) => `${name}=${typeof value === 'string' ? quoted(value) : JSON.stringify(value)}`);

/** Escapes what would end the line or steer a terminal: parts of messages come from strangers. */
const quoted = (value: string): string => (/^[\x21\x23-\x7e]+$/.test(value) ? value : JSON.stringify(value));

function problem(err: unknown): string {
  if (typeof err !== 'object' || err === null) return '';
  const { message, stack } = err as { message?: unknown; stack?: unknown };
  return `err=${quoted(String(message ?? ''))}${typeof stack === 'string' ? `\n${stack}` : ''}`;
}
