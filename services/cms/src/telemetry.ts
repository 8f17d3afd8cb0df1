import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** Every metric that CMS emits. */
export function createTelemetry(registry: Registry) {
  const registers = [registry];
  return {
    publishes: new Counter({
      name: 'linchpin_cms_publishes_total',
      help: 'Calls of Publish, by what became of them: published, unchanged, dry-run, refused, failed',
      labelNames: ['result'],
      registers,
    }),
    active: new Gauge({
      name: 'linchpin_cms_active',
      help: '1 where this pod hands the configuration to NATS, 0 where it stands by',
      registers,
    }),
    pushSeconds: new Histogram({
      name: 'linchpin_cms_push_seconds',
      help: 'Time to bring the NATS buckets to the stored version',
      buckets: SECONDS,
      registers,
    }),
    replicationSeconds: new Histogram({
      name: 'linchpin_cms_replication_seconds',
      help: 'Time from a version being stored until a pod reported that it runs it',
      buckets: SECONDS,
      registers,
    }),
    /** Asked at each scrape: how many versions each pod is behind. */
    observeReplicas(list: () => { pod: string; behind: number }[]): void {
      new Gauge({
        name: 'linchpin_cms_replica_versions_behind',
        help: 'How many versions the pod is behind what is stored',
        labelNames: ['replica'],
        registers,
        collect() {
          this.reset();
          for (const { pod, behind } of list()) this.set({ replica: pod }, behind);
        },
      });
    },
  };
}

export type Telemetry = ReturnType<typeof createTelemetry>;
