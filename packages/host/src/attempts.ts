import { boundedKey } from './bounded-key.ts';
import { type BucketLimits, createBuckets } from './buckets.ts';

export interface AttemptLimits {
  /** Wrong passwords from one source (an IP address), for whatever accounts that have not signed in from there. */
  source: BucketLimits;
  /** Wrong passwords for one account, from whatever sources it has not signed in from; and from each of those that it has. */
  account: BucketLimits;
}

export interface TooMany {
  rule: 'source-failures' | 'account-failures';
  /** Seconds until another one may come. */
  retryAfter: number;
}

/** Keeps people from guessing passwords, as far as this process has seen it since it began. */
export interface Attempts {
  /** Undefined: the password may be checked. */
  refused(source: string, account: string): TooMany | undefined;
  failed(source: string, account: string): void;
  succeeded(source: string, account: string): void;
}

const KNOWN = 50_000;
/** So many times the limit of a source are for all those together who have signed in from it: it may be a proxy's address. */
const SHARED = 10;

/**
 * Where an account has signed in it has tries of its own: guessing from elsewhere, or at others behind the same address, does not
 * lock its owner out.
 */
export function createAttempts(limits: AttemptLimits): Attempts {
  const { perSecond, burst } = limits.source;
  const strangers = counted(limits);
  const residents = counted({
    source: { perSecond: perSecond * SHARED, burst: burst * SHARED },
    // Who does not limit by account still limits by source.
    account: limits.account.perSecond === 0 ? limits.source : limits.account,
  });
  const known = new Set<string>();
  function look(source: string, account: string) {
    const name = boundedKey(account);
    const pair = `${source} ${name}`;
    return known.has(pair) ? { pair, of: residents, account: pair } : { pair, of: strangers, account: name };
  }

  return {
    refused(source, name) {
      const { of, account } = look(source, name);
      if (!of.sources.has(source)) return tooMany('source-failures', of.limits.source);
      return of.accounts.has(account) ? undefined : tooMany('account-failures', of.limits.account);
    },
    failed(source, name) {
      const { of, account } = look(source, name);
      of.sources.take(source);
      of.accounts.take(account);
    },
    succeeded(source, name) {
      const { pair } = look(source, name);
      known.delete(pair);
      known.add(pair);
      if (known.size > KNOWN) known.delete(known.keys().next().value ?? '');
    },
  };
}

const counted = (limits: AttemptLimits) => ({
  limits,
  sources: createBuckets(limits.source),
  accounts: createBuckets(limits.account),
});

const tooMany = (rule: TooMany['rule'], { perSecond }: BucketLimits): TooMany => ({
  rule,
  retryAfter: Math.ceil(1 / perSecond),
});
