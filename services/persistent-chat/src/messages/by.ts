import type { Caller } from '../chat.ts';

/** Who acts, as events and posts name it. */
export const byOf = ({ admin, name }: Caller): string => (admin ? `admin:${name}` : name);
