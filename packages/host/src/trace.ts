import { randomFillSync } from 'node:crypto';

/** W3C Trace Context, https://www.w3.org/TR/trace-context/#traceparent-header */
export interface TraceContext {
  traceId: string;
  parentId: string;
  sampled: boolean;
}

const FORM = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

/** `undefined` for what the recommendation tells to ignore: malformed, all-zero ids, version ff. */
export function parseTraceparent(value: string | undefined): TraceContext | undefined {
  const [, version, traceId, parentId, flags, rest] = FORM.exec(value ?? '') ?? [];
  if (!version || !traceId || !parentId || !flags || version === 'ff') return undefined;
  // 3.2.2.2: version 00 ends after the flags; later versions may go on.
  if (version === '00' && rest !== undefined) return undefined;
  if (/^0+$/.test(traceId) || /^0+$/.test(parentId)) return undefined;
  return { traceId, parentId, sampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

/** A new span: in the parent's trace where there is a valid parent, else in a new trace. */
export function newTraceparent(parent?: string): string {
  const context = parseTraceparent(parent);
  const traceId = context?.traceId ?? randomHex(16);
  const flags = context && !context.sampled ? '00' : '01';
  return `00-${traceId}-${randomHex(8)}-${flags}`;
}

// One system call fills enough for a few hundred ids: this runs for every message.
const pool = Buffer.alloc(4096);
let used = pool.length;

function randomHex(bytes: number): string {
  if (used + bytes > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  const hex = pool.toString('hex', used, used + bytes);
  used += bytes;
  return /^0+$/.test(hex) ? randomHex(bytes) : hex;
}
