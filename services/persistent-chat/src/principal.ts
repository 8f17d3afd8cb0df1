// What a principal looks like: a user, a domain or a group.
import { ChatError, type Principal } from './chat.ts';

export const DOMAIN = 'domain:';
export const GROUP = 'group:';

export const isUser = (principal: Principal): boolean =>
  !principal.startsWith(DOMAIN) && !principal.startsWith(GROUP);

// The same rules as for documents of these kinds (see the names of topology).
const USER = /^[a-z0-9]([a-z0-9._+-]{0,62}[a-z0-9])?@[a-z0-9][a-z0-9.-]*$/;
const DOMAIN_NAME = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/;
const GROUP_NAME = /^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$/;
const MAX_LENGTH = 254;

/** Lower case where it has to be; throws `invalid` for what is no principal. */
export function parsePrincipal(text: string, field: string): Principal {
  const trimmed = typeof text === 'string' ? text.trim() : '';
  if (trimmed.startsWith(GROUP) && GROUP_NAME.test(trimmed.slice(GROUP.length))) return trimmed;
  const lower = trimmed.toLowerCase();
  if (lower.length <= MAX_LENGTH) {
    if (lower.startsWith(DOMAIN) && DOMAIN_NAME.test(lower.slice(DOMAIN.length))) return lower;
    if (USER.test(lower)) return lower;
  }
  throw new ChatError(
    'invalid',
    `${field}: ${JSON.stringify(`${text}`.slice(0, 100))} must be a user such as alice@contoso.lab, or domain:<domain>, or group:<name>`,
  );
}
