import { type BucketLimits, createBuckets } from '@linchpin/host';

export interface AdmissionLimits {
  /** Requests of a source (an IP address) that has not signed in on the flow. */
  unauthenticated: BucketLimits;
  /** Requests of one account, over all its flows. */
  account: BucketLimits;
}

/**
 * The shield (Lync's Director stops invalid external floods): the rule that is broken, or undefined when the request may go on.
 * Decides from counters alone, before anything costs.
 */
export type Admission = (source: string, identity: string) => string | undefined;

export function createAdmission(limits: AdmissionLimits): Admission {
  const unauthenticated = createBuckets(limits.unauthenticated);
  const account = createBuckets(limits.account);

  return (source, identity) => {
    if (identity === '') return unauthenticated.take(source) ? undefined : 'source-rate';
    return account.take(identity) ? undefined : 'account-rate';
  };
}
