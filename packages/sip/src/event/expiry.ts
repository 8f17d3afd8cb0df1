/** Seconds. */
export interface ExpiresLimits {
  min: number;
  default: number;
  max: number;
}

/** Seconds granted, or the value of Min-Expires for a 423. */
export type ExpiresGrant = { ok: true; expires: number } | { ok: false; minExpires: number };

const oneHour = 3600;

/**
 * RFC 6665 4.2.1.1 (and RFC 3261 10.3 step 7): an interval is only ever shortened, 0 is always granted, and one that is too
 * brief may be refused only when it is less than an hour.
 */
export function grantExpires(requested: number | undefined, limits: ExpiresLimits): ExpiresGrant {
  if (requested === undefined) return { ok: true, expires: Math.min(limits.default, limits.max) };
  if (requested > 0 && requested < Math.min(limits.min, oneHour))
    return { ok: false, minExpires: limits.min };
  return { ok: true, expires: Math.min(requested, limits.max) };
}

/** RFC 3903 6 step 4: as above, without the exception for an hour and more. */
export function grantPublicationExpires(requested: number | undefined, limits: ExpiresLimits): ExpiresGrant {
  if (requested !== undefined && requested > 0 && requested < limits.min) {
    return { ok: false, minExpires: limits.min };
  }
  return grantExpires(requested, limits);
}
