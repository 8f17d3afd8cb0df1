// Who may be called what. A document's name is its identity; for policies and configurations it is also its scope.
import { z } from 'zod';

/** A DNS name as SIP compares it: lower case, no trailing dot (RFC 3261 19.1.4). */
export const domainName = z
  .string()
  .max(253)
  .regex(
    /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/,
    'must be a domain name in lower case',
  );

/** The name of a site, pool or member: one DNS label, because pods and certificates are named after it. */
export const label = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, 'must be lower-case letters, digits and "-", at most 63');

/**
 * `alice@contoso.lab`. Lower case only: two users that differ by case would look the same to people, and digest
 * hashes are made over the name as it is written. No ":", which separates the parts that are hashed (RFC 7616 3.4.2).
 */
export const userName = z
  .string()
  .max(254)
  .regex(
    /^[a-z0-9]([a-z0-9._+-]{0,62}[a-z0-9])?@[a-z0-9][a-z0-9.-]*$/,
    'must look like user@domain in lower case',
  );

/** The tag of a policy that is given to single users. */
export const tag = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$/, 'must be 1 to 64 letters, digits, spaces, ".", "_" or "-"')
  .refine((name) => name !== 'global', 'must not be "global", which is a scope');

/** `host:port`; an IPv6 host stands in brackets. */
export const hostPort = z
  .string()
  .regex(/^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?):\d{1,5}$/, 'must be host:port')
  .refine((text) => inPortRange(Number(text.slice(text.lastIndexOf(':') + 1))), 'port must be 1 to 65535');

const inPortRange = (port: number): boolean => port >= 1 && port <= 65535;
