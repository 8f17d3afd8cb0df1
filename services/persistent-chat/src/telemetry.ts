import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

/** What is counted of rooms; surfaces, files and compliance have metrics of their own in their folders. */
export function createTelemetry(registry: Registry) {
  const registers = [registry];
  return {
    posts: new Counter({
      name: 'linchpin_chat_posts_total',
      help: 'Posts that were stored or had been before',
      registers,
    }),
    batchSeconds: new Histogram({
      name: 'linchpin_chat_post_batch_seconds',
      help: 'Time to decide on and store what was posted at one time',
      buckets: SECONDS,
      registers,
    }),
    calls: new Counter({
      name: 'linchpin_chat_rpc_calls_total',
      help: 'Calls by gRPC, by method and by what became of them: ok, or the code of the error',
      labelNames: ['method', 'result'],
      registers,
    }),
    /** Asked at each scrape. */
    observeSessions(counts: () => { sessions: number; rooms: number }): void {
      gauge('linchpin_chat_sessions', 'Sessions in rooms at this pod', () => counts().sessions);
      gauge(
        'linchpin_chat_rooms_joined',
        'Rooms in which somebody is by way of this pod',
        () => counts().rooms,
      );
    },
  };

  function gauge(name: string, help: string, read: () => number): void {
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read());
      },
    });
  }
}

export type Telemetry = ReturnType<typeof createTelemetry>;
