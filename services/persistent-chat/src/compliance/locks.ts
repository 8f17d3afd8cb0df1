/** The advisory locks that pods take in the compliance store; the numbers only have to differ from each other. */
export const LOCK = {
  migrate: 5_071_101,
  /** The first of a pair with the hash of the adapter's name: one pod at a time runs an adapter. */
  adapter: 5_071_102,
  /** One pod at a time cuts chains. */
  retention: 5_071_103,
} as const;
