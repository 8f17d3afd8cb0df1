import { type BucketLimits, createBuckets } from '@linchpin/host';

export interface AdmissionLimits {
  /** Requests of a source (an IP address) that has not signed in on the flow. */
  unauthenticated: BucketLimits;
  /** Requests of one account, over all its flows. */
  account: BucketLimits;
  /** Wrong passwords from one source, over all accounts it tries. */
  sourceFailures: BucketLimits;
  /** Wrong passwords for one account, over all sources. */
  accountFailures: BucketLimits;
}

/** The shield (Lync's Director stops invalid external floods): decides from counters alone, before anything costs. */
export interface Admission {
  /** The rule that is broken, or undefined when the request may go on. */
  request(source: string, identity: string): string | undefined;
  /** Asked before a password is checked. */
  attempt(source: string, account: string): string | undefined;
  failed(source: string, account: string): void;
  succeeded(source: string, account: string): void;
}

export function createAdmission(limits: AdmissionLimits): Admission {
  const unauthenticated = createBuckets(limits.unauthenticated);
  const account = createBuckets(limits.account);
  const sourceFailures = createBuckets(limits.sourceFailures);
  const accountFailures = createBuckets(limits.accountFailures);
  // Sources from which an account signed in lately: guessing from elsewhere must not lock its owner out.
  const known = new Map<string, true>();
  const pair = (source: string, name: string): string => `${source} ${name}`;

  return {
    request(source, identity) {
      if (identity === '') return unauthenticated.take(source) ? undefined : 'source-rate';
      return account.take(identity) ? undefined : 'account-rate';
    },
    attempt(source, name) {
      if (!sourceFailures.has(source)) return 'source-failures';
      if (!accountFailures.has(name) && !known.has(pair(source, name))) return 'account-failures';
      return undefined;
    },
    failed(source, name) {
      sourceFailures.take(source);
      accountFailures.take(name);
    },
    succeeded(source, name) {
      const key = pair(source, name);
      known.delete(key);
      known.set(key, true);
      if (known.size > 50_000) known.delete(known.keys().next().value ?? '');
    },
  };
}
