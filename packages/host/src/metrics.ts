import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
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

/** When each certificate ends, as Unix time; read at each scrape, a file that cannot be read is left out. */
export function exposeCertificates(registry: Registry, paths: readonly string[]): void {
  new Gauge({
    name: `${METRIC_PREFIX}certificate_not_after_seconds`,
    help: 'The Unix time at which the certificate in this file ends',
    labelNames: ['file'],
    registers: [registry],
    async collect() {
      this.reset();
      for (const file of paths) {
        const pem = await readFile(file).catch(() => undefined);
        if (pem) this.set({ file }, Date.parse(new X509Certificate(pem).validTo) / 1000);
      }
    },
  });
}
