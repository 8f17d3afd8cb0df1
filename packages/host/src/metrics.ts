import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';

export type { Registry } from 'prom-client';

/** Every metric of the product begins so. */
export const METRIC_PREFIX = 'linchpin_';

/** A registry of its own, so that several roles can run in one process (tests). */
export function createMetrics(labels: { role: string; pod: string }): Registry {
  const registry = new Registry();
  registry.setDefaultLabels(labels);
  collectDefaultMetrics({ register: registry, prefix: METRIC_PREFIX });
  return registry;
}

/** Asked at each scrape. */
export function exposeConfigVersion(registry: Registry, read: () => number): void {
  new Gauge({
    name: `${METRIC_PREFIX}config_version`,
    help: 'The version of the configuration that this process runs',
    registers: [registry],
    collect() {
      this.set(read());
    },
  });
}
