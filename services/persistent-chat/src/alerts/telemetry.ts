import { Counter, Gauge, type Registry } from 'prom-client';

/** Every metric of topics and alerts. */
export function createAlertsTelemetry(registry: Registry, topics: () => number) {
  const registers = [registry];
  new Gauge({
    name: 'linchpin_chat_topics',
    help: 'Topics that posts of this pod are matched with',
    registers,
    collect() {
      this.set(topics());
    },
  });
  return {
    alerts: new Counter({
      name: 'linchpin_chat_alerts_total',
      help: 'Alerts that were told, not told as the user had too many (limited), or lost while the database was away or behind',
      labelNames: ['result'],
      registers,
    }),
  };
}

export type AlertsTelemetry = ReturnType<typeof createAlertsTelemetry>;
