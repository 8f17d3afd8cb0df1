import { type BucketLimits, createBuckets } from './buckets.ts';

export interface AttemptLimits {
  /** Wrong passwords from one source (an IP address), over all accounts it tries. */
  source: BucketLimits;
  /** Wrong passwords for one account, over all sources. */
  account: BucketLimits;
}

/** Keeps people from guessing passwords. */
export interface Attempts {
  /** The rule that is broken, or undefined when the password may be checked. */
  refused(source: string, account: string): 'source-failures' | 'account-failures' | undefined;
  failed(source: string, account: string): void;
  succeeded(source: string, account: string): void;
}

const KNOWN = 50_000;

/**
 * Where an account has signed in lately it has tries of its own: guessing from elsewhere, or at other accounts behind the same
 * address, must not lock its owner out.
 */
export function createAttempts(limits: AttemptLimits): Attempts {
  const sources = createBuckets(limits.source);
  const accounts = createBuckets(limits.account);
  const own = createBuckets(limits.account);
  const known = new Set<string>();
  const pair = (source: string, account: string): string => `${source} ${account}`;

  return {
    refused(source, account) {
      const key = pair(source, account);
      if (known.has(key)) return own.has(key) ? undefined : 'account-failures';
      if (!sources.has(source)) return 'source-failures';
      return accounts.has(account) ? undefined : 'account-failures';
    },
    failed(source, account) {
      own.take(pair(source, account));
      sources.take(source);
      accounts.take(account);
    },
    succeeded(source, account) {
      const key = pair(source, account);
      known.delete(key);
      known.add(key);
      if (known.size > KNOWN) known.delete(known.keys().next().value ?? '');
    },
  };
}
