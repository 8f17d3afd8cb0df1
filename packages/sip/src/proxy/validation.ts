import type { SipRequest } from '../message/request.ts';
import type { LoopDetection } from './loop-detection.ts';
import type { Refusal } from './target.ts';

export interface ValidationRules {
  schemes: readonly string[];
  extensions: readonly string[];
  loops: LoopDetection;
}

/** RFC 3261 16.3 in its order. Syntax was checked when the request was read; credentials are the caller's matter. */
export function validateForProxy(request: SipRequest, rules: ValidationRules): Refusal | undefined {
  if (!hasScheme(request.uri, rules.schemes)) return refusal(416, 'Unsupported URI Scheme');
  if (request.maxForwards === 0) return refusal(483, 'Too Many Hops');
  if (rules.loops.hasLooped(request)) return refusal(482, 'Loop Detected');
  const unknown = unknownExtensions(request, rules.extensions);
  if (unknown.length > 0) return refusal(420, 'Bad Extension', [['unsupported', unknown.join(', ')]]);
  return undefined;
}

function hasScheme(uri: string, schemes: readonly string[]): boolean {
  return schemes.includes(uri.slice(0, Math.max(0, uri.indexOf(':'))).toLowerCase());
}

function unknownExtensions(request: SipRequest, known: readonly string[]): string[] {
  if (!request.has('proxy-require')) return [];
  return request.values('proxy-require').filter((tag) => !known.includes(tag.toLowerCase()));
}

function refusal(status: number, reason: string, headers: [string, string][] = []): Refusal {
  return { status, reason, headers };
}
