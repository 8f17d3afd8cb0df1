/** The advisory locks that CMS pods on one database take; the numbers only have to differ from each other. */
export const LOCK = {
  migrate: 5_061_001,
  /** One version is made after the other. */
  publish: 5_061_002,
  /** One pod writes to the buckets: it holds this for as long as it is the active one. */
  active: 5_061_004,
} as const;

/** What CMS pods on one database tell each other (NOTIFY); the payload is a version. */
export const CHANNEL = {
  /** A new version was made, by any pod. */
  stored: 'linchpin_cms_stored',
  /** The active pod has handed this version to NATS. */
  handedOver: 'linchpin_cms_handed_over',
} as const;
