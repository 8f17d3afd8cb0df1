import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/** Every metric that an Edge emits. */
export function createTelemetry(registry: Registry) {
  const registers = [registry];
  return {
    flows: new Gauge({
      name: 'linchpin_edge_flows_current',
      help: 'Connections of remote clients',
      labelNames: ['transport'],
      registers,
    }),
    messages: new Counter({
      name: 'linchpin_edge_messages_total',
      help: 'SIP messages relayed; in is from clients, out is to clients',
      labelNames: ['direction'],
      registers,
    }),
    refusals: new Counter({
      name: 'linchpin_edge_refusals_total',
      help: 'Connections and messages that Edge refused, by rule',
      labelNames: ['rule'],
      registers,
    }),
    flowSeconds: new Histogram({
      name: 'linchpin_edge_flow_seconds',
      help: 'How long connections of remote clients lasted',
      buckets: [1, 10, 60, 600, 3600, 14_400, 43_200],
      registers,
    }),
  };
}

export type Telemetry = ReturnType<typeof createTelemetry>;
