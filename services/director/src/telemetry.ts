import { Counter, type Registry } from 'prom-client';

/** Every metric that a Director emits. */
export function createTelemetry(registry: Registry) {
  const registers = [registry];
  return {
    requests: new Counter({
      name: 'linchpin_director_requests_total',
      help: 'Requests from outside, by what became of them',
      labelNames: ['verdict', 'method'],
      registers,
    }),
    refusals: new Counter({
      name: 'linchpin_director_refusals_total',
      help: 'Refused, dropped and limited requests, by rule',
      labelNames: ['rule'],
      registers,
    }),
    undeliverable: new Counter({
      name: 'linchpin_director_undeliverable_total',
      help: 'Authenticated requests whose home pool could not be reached',
      labelNames: ['pool'],
      registers,
    }),
  };
}

export type Telemetry = ReturnType<typeof createTelemetry>;
