// Tells CMS which version this pod runs: on each change, on each connect and from time to time.
import { keyToken, REPLICA_BUCKET, type ReplicaReport } from '@linchpin/proto/subjects';
import { Kvm } from '@nats-io/kv';
import type { NatsLink } from './replica.ts';

const REPORT_INTERVAL_MS = 30_000;
const RETRY_MS = 1_000;

export interface Reporter {
  /** The version has changed. */
  report(): void;
  stop(): void;
}

export function createReporter(nats: NatsLink, describe: () => Omit<ReplicaReport, 'at'>): Reporter {
  let sending = false;
  let again = false;
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;

  async function send(): Promise<void> {
    const kv = await new Kvm(await nats.connection()).open(REPLICA_BUCKET);
    const report: ReplicaReport = { ...describe(), at: new Date().toISOString() };
    await kv.put(keyToken(report.pod), JSON.stringify(report));
  }

  // One report is under way at a time, and it says what holds when it leaves.
  function report(): void {
    again = sending;
    if (sending || stopped || !nats.connected) return;
    sending = true;
    clearTimeout(timer);
    send().then(
      () => sent(REPORT_INTERVAL_MS),
      // The bucket is not there yet, or NATS went away.
      () => sent(RETRY_MS),
    );
  }

  function sent(nextMs: number): void {
    sending = false;
    if (stopped) return;
    if (again) report();
    else timer = setTimeout(report, nextMs);
  }

  const unsubscribe = nats.onConnected(report);
  return {
    report,
    stop() {
      stopped = true;
      unsubscribe();
      clearTimeout(timer);
    },
  };
}
