import { Counter, Gauge } from 'prom-client';
import { METRIC_PREFIX, type Registry } from '../metrics.ts';
import type { Drain } from './drain.ts';

/** Asked at each scrape. */
export function exposeDrain(registry: Registry, drain: Pick<Drain, 'report' | 'onProgress'>): void {
  const registers = [registry];
  new Gauge({
    name: `${METRIC_PREFIX}drain_active`,
    help: '1 while this process drains',
    registers,
    collect() {
      this.set(drain.report() === undefined ? 0 : 1);
    },
  });
  new Gauge({
    name: `${METRIC_PREFIX}drain_remaining`,
    help: 'What still keeps a process that drains',
    labelNames: ['what'],
    registers,
    collect() {
      this.reset();
      const remaining = Object.entries(drain.report()?.remaining ?? {});
      for (const [what, count] of remaining) this.set({ what }, count);
    },
  });
  const forced = new Counter({
    name: `${METRIC_PREFIX}drain_forced_total`,
    help: 'Drains that were cut off with something left',
    registers,
  });
  drain.onProgress(({ state }) => {
    if (state === 'forced') forced.inc();
  });
}
