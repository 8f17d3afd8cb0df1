import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Registry } from 'prom-client';
import type { Health } from './health.ts';

export interface HttpOptions {
  address: string;
  port: number;
  health: Health;
  metrics: Registry;
  /** The JSON of `/status`. */
  status(): unknown;
}

export interface HttpServer {
  readonly port: number;
  close(): Promise<void>;
}

type Answer = { status: number; type: string; body: string };
type Routes = Record<string, () => Answer | Promise<Answer>>;

// The readers are a kubelet, a Prometheus and a person: what is not that is cut off early.
const LIMITS = {
  maxHeaderSize: 8 * 1024,
  headersTimeout: 5_000,
  requestTimeout: 5_000,
  keepAliveTimeout: 5_000,
  connectionsCheckingInterval: 1_000,
};
const MAX_CONNECTIONS = 64;

/** Health, metrics and status of the process, read-only. */
export async function createHttpServer(options: HttpOptions): Promise<HttpServer> {
  const routes = createRoutes(options);
  const server = createServer(LIMITS, (request, response) => void answer(routes, request, response));
  server.maxConnections = MAX_CONNECTIONS;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: options.address, port: options.port }, resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function createRoutes({ health, metrics, status }: HttpOptions): Routes {
  return {
    '/healthz/live': () => probe(health.live, health.state),
    '/healthz/ready': () => probe(health.ready, health.state),
    '/healthz/started': () => probe(health.started, health.state),
    '/metrics': async () => ({ status: 200, type: metrics.contentType, body: await metrics.metrics() }),
    '/status': () => ({ status: 200, type: 'application/json', body: `${JSON.stringify(status())}\n` }),
  };
}

const text = (status: number, body: string): Answer => ({ status, type: 'text/plain', body: `${body}\n` });

const probe = (ok: boolean, state: string): Answer => text(ok ? 200 : 503, state);

async function answer(routes: Routes, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { status, type, body } = await answerTo(routes, request);
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    ...(status === 405 && { allow: 'GET, HEAD' }),
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}

async function answerTo(routes: Routes, request: IncomingMessage): Promise<Answer> {
  if (request.method !== 'GET' && request.method !== 'HEAD') return text(405, 'read only');
  const path = (request.url ?? '').split('?', 1)[0] ?? '';
  const route = Object.hasOwn(routes, path) ? routes[path] : undefined;
  if (!route) return text(404, `try ${Object.keys(routes).join(' ')}`);
  try {
    return await route();
  } catch (error) {
    return text(500, (error as Error).message);
  }
}
