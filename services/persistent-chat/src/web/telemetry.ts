import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** Every metric of the web surface. */
export function createWebTelemetry(registry: Registry) {
  const registers = [registry];
  return {
    requestSeconds: new Histogram({
      name: 'linchpin_chat_web_request_seconds',
      help: 'Time from the head of a request to the end of its answer, but for event streams; by operation and status',
      labelNames: ['operation', 'status'],
      buckets: SECONDS,
      registers,
    }),
    connections: new Gauge({
      name: 'linchpin_chat_web_connections',
      help: 'TLS connections of clients',
      registers,
    }),
    streams: new Gauge({
      name: 'linchpin_chat_web_streams',
      help: 'Event streams that are open',
      registers,
    }),
    sentEvents: new Counter({
      name: 'linchpin_chat_web_stream_events_total',
      help: 'Events that were written to streams',
      labelNames: ['event'],
      registers,
    }),
    endedStreams: new Counter({
      name: 'linchpin_chat_web_streams_ended_total',
      help: 'Streams that were ended from here: slow, token-expired, not-allowed, draining, stopped, failed',
      labelNames: ['why'],
      registers,
    }),
  };
}

export type WebTelemetry = ReturnType<typeof createWebTelemetry>;
