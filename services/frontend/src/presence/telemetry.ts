import { Counter, Gauge, type Registry } from 'prom-client';

export type NotifyOutcome = 'accepted' | 'rejected' | 'timeout' | 'transport';

export interface PresenceSizes {
  subscriptions(): number;
  publications(): number;
}

export interface PresenceTelemetry {
  notified(outcome: NotifyOutcome): void;
}

/** Every metric that presence emits. The sizes are asked for when metrics are read. */
export function createPresenceTelemetry(registry: Registry, sizes: PresenceSizes): PresenceTelemetry {
  const registers = [registry];
  gauge('linchpin_subscriptions_current', 'Presence subscriptions that are active', sizes.subscriptions);
  gauge('linchpin_publications_current', 'Presence publications that have not expired', sizes.publications);
  const notifies = new Counter({
    name: 'linchpin_notifies_total',
    help: 'NOTIFY requests for presence by what became of them',
    labelNames: ['outcome'],
    registers,
  });
  const children = {
    accepted: notifies.labels('accepted'),
    rejected: notifies.labels('rejected'),
    timeout: notifies.labels('timeout'),
    transport: notifies.labels('transport'),
  };

  function gauge(name: string, help: string, size: () => number): void {
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(size());
      },
    });
  }

  return { notified: (outcome) => children[outcome].inc() };
}
