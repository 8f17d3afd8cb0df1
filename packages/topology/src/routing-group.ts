/** The users of a pool are in so many groups; each group is served by one Front End at a time. */
export const GROUPS = 32;

/** FNV-1a of `sip:alice@contoso.lab`. */
export function groupOf(aor: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < aor.length; at++) hash = Math.imul(hash ^ aor.charCodeAt(at), 0x01000193);
  return (hash >>> 0) % GROUPS;
}
