// Which pod runs which version of the configuration, as the pods say themselves.
import type { Logger } from '@linchpin/host';
import { keyToken, REPLICA_BUCKET, type ReplicaReport } from '@linchpin/proto/subjects';
import { type BucketWatchOptions, type NatsLink, watchBucket } from '@linchpin/topology';
import { z } from 'zod';
import type { Telemetry } from '../telemetry.ts';

/** Three reports missed, by our own clock. */
const STALE_MS = 90_000;
/** What the clocks of pods may differ by: a report that is older than this was left by a pod that is gone. */
const CLOCKS_DIFFER_MS = 10 * 60_000;
const REMEMBERED_VERSIONS = 100;

export interface Expected {
  pod: string;
  role: string;
}

export interface ReplicaStatus extends ReplicaReport {
  upToDate: boolean;
}

export interface Replicas {
  start(): void;
  /** A version has been made: from now on pods are measured by it. */
  onVersion(version: number): void;
  /** The pods that have reported and those that should have, by name. */
  list(expected: readonly Expected[]): ReplicaStatus[];
  stop(): void;
}

export function createReplicas(nats: NatsLink, telemetry: Telemetry, log: Logger, now = Date.now): Replicas {
  const reports = new Map<string, ReplicaReport>();
  const arrivedAt = new Map<string, number>();
  const madeAt = new Map<number, number>();
  let current = 0;
  let stop = () => {};

  function onEntry({ key, operation, value }: Entry): void {
    const report = operation === 'PUT' ? readReport(key, value) : undefined;
    if (report !== undefined) onReport(report);
  }

  function onReport(report: ReplicaReport): void {
    const before = reports.get(report.pod)?.version ?? 0;
    reports.set(report.pod, report);
    arrivedAt.set(report.pod, now());
    const made = madeAt.get(report.version);
    // A pod that is new has not been waiting for the version since it was made.
    if (made !== undefined && before !== 0 && before !== report.version)
      telemetry.replicationSeconds.observe((now() - made) / 1000);
  }

  function onVersion(version: number): void {
    if (version === current) return;
    current = version;
    madeAt.set(version, now());
    for (const old of [...madeAt.keys()].slice(0, -REMEMBERED_VERSIONS)) madeAt.delete(old);
  }

  const isUpToDate = ({ pod, version, at }: ReplicaReport): boolean =>
    version === current &&
    now() - (arrivedAt.get(pod) ?? 0) < STALE_MS &&
    now() - Date.parse(at) < STALE_MS + CLOCKS_DIFFER_MS;

  telemetry.observeReplicas(() =>
    [...reports.values()].map(({ pod, version }) => ({ pod, behind: Math.max(0, current - version) })),
  );

  return {
    start() {
      const watch = watchBucket({
        bucket: REPLICA_BUCKET,
        nats,
        log,
        onStart: () => reports.clear(),
        onEntry,
        onProgress() {},
      });
      stop = watch.stop;
    },
    onVersion,
    list(expected) {
      const rows = new Map(expected.map(({ pod, role }) => [pod, neverReported(pod, role)]));
      for (const report of reports.values())
        rows.set(report.pod, { ...report, upToDate: isUpToDate(report) });
      return [...rows.values()].sort((a, b) => (a.pod < b.pod ? -1 : 1));
    },
    stop: () => stop(),
  };
}

type Entry = Parameters<BucketWatchOptions['onEntry']>[0];

const reportShape = z.object({
  pod: z.string(),
  role: z.string(),
  version: z.int().min(0),
  at: z.iso.datetime(),
  productVersion: z.string(),
});

// Every pod writes here, Edge too, which faces the Internet: what is not a report, or not the pod's own, is nothing.
function readReport(key: string, value: Uint8Array): ReplicaReport | undefined {
  try {
    const report = reportShape.parse(JSON.parse(Buffer.from(value).toString('utf8')));
    return keyToken(report.pod) === key ? report : undefined;
  } catch {
    return undefined;
  }
}

const neverReported = (pod: string, role: string): ReplicaStatus => ({
  pod,
  role,
  version: 0,
  at: '',
  productVersion: '',
  upToDate: false,
});
