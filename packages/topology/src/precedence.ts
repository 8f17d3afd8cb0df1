// Which document holds for a user, pool or site: the nearest scope wins as a whole, nothing is merged.
import type { Kind, Specs } from './document.ts';
import type { Settings } from './references.ts';
import { defaultSpec, GLOBAL } from './schema.ts';

export interface Place {
  /** The policy that was given to the user. */
  tag?: string | undefined;
  pool?: string | undefined;
  site?: string | undefined;
}

/** The kinds that have scopes. */
export type ScopedKind = Exclude<Kind, 'Topology' | 'User' | 'Credential'>;

/** User (tag), then pool, then site, then global; the built-in defaults only while there is no global document yet. */
export function effectiveSpec<K extends ScopedKind>(
  settings: Pick<Settings, 'get'>,
  kind: K,
  { tag, pool, site }: Place,
): Specs[K] {
  const nearest =
    (tag !== undefined && settings.get(kind, tag)) ||
    (pool !== undefined && settings.get(kind, `pool:${pool}`)) ||
    (site !== undefined && settings.get(kind, `site:${site}`)) ||
    settings.get(kind, GLOBAL);
  return nearest ? nearest.spec : defaultSpec(kind);
}
