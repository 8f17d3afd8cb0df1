// Which document holds for a user, pool or site: the nearest scope wins as a whole, nothing is merged.
import type { Specs } from './document.ts';
import type { Settings } from './references.ts';
import { defaultSpec, GLOBAL, type ScopedKind } from './schema.ts';

export interface Place {
  /** The policy that was given to the user. */
  tag?: string | undefined;
  pool?: string | undefined;
  site?: string | undefined;
}

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
