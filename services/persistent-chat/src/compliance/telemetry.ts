import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** What compliance knows of its own state; asked at each scrape. */
export interface ComplianceFigures {
  /** Messages in the queue; undefined while NATS is away. */
  queued: number | undefined;
  /** Seconds that the oldest event has waited that is not in its chain. */
  lagSeconds: number | undefined;
  /** Events that wait for the one before them. */
  early: number;
}

/** Every metric that compliance emits. */
export function createComplianceTelemetry(registry: Registry) {
  const registers = [registry];
  return {
    events: new Counter({
      name: 'linchpin_chat_compliance_events_total',
      help: 'Events from the queue, by what became of them: stored, double, early, refused, conflict (another one has its number)',
      labelNames: ['result'],
      registers,
    }),
    storeSeconds: new Histogram({
      name: 'linchpin_chat_compliance_store_seconds',
      help: 'Time to store one batch of events',
      buckets: SECONDS,
      registers,
    }),
    adapterRuns: new Counter({
      name: 'linchpin_chat_compliance_adapter_runs_total',
      help: 'Runs of an adapter, by result: done, failed',
      labelNames: ['adapter', 'result'],
      registers,
    }),
    adapterEvents: new Counter({
      name: 'linchpin_chat_compliance_adapter_events_total',
      help: 'Events that an adapter has written',
      labelNames: ['adapter'],
      registers,
    }),
    cut: new Counter({
      name: 'linchpin_chat_compliance_retention_events_total',
      help: 'Events that were deleted because their time was over',
      registers,
    }),
    observe(read: () => ComplianceFigures): void {
      const gauge = (name: string, help: string, value: (figures: ComplianceFigures) => number | undefined) =>
        new Gauge({
          name: `linchpin_chat_compliance_${name}`,
          help,
          registers,
          collect() {
            const now = value(read());
            if (now === undefined) this.reset();
            else this.set(now);
          },
        });
      gauge('queued_messages', 'Messages in the queue to the compliance store', ({ queued }) => queued);
      gauge(
        'lag_seconds',
        'How long the oldest event waits that is not in its chain',
        ({ lagSeconds }) => lagSeconds,
      );
      gauge('early_events', 'Events that wait for the one before them', ({ early }) => early);
    },
  };
}

export type ComplianceTelemetry = ReturnType<typeof createComplianceTelemetry>;
