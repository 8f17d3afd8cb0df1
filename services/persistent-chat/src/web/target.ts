// What a request is for, from its request-target (RFC 9112 3.2).

/** Of the absolute form (3.2.2) path and query count, which is all that the origin form has. */
export const originForm = (target: string): string => target.replace(/^https?:\/\/[^/?#]*/i, '');

export function readTarget(target: string): { path: string; search: string } {
  const url = originForm(target);
  const at = url.indexOf('?');
  return at < 0 ? { path: url, search: '' } : { path: url.slice(0, at), search: url.slice(at + 1) };
}
