import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createHealth, type Health } from './health.ts';
import { createHttpServer, type HttpServer } from './http.ts';
import { createMetrics } from './metrics.ts';

let health: Health;
let http: HttpServer;
beforeAll(async () => {
  health = createHealth();
  const metrics = createMetrics({ role: 'greeter', pod: 'greeter-0' });
  const status = () => ({ role: 'greeter', health: health.state });
  http = await createHttpServer({ address: '127.0.0.1', port: 0, health, metrics, status });
});
afterAll(() => http.close());

const get = (path: string, init?: RequestInit) => fetch(`http://127.0.0.1:${http.port}${path}`, init);
const probe = async (path: string) => (await get(`/healthz/${path}`)).status;

test('the probes follow the life of the role', async () => {
  expect([await probe('live'), await probe('started'), await probe('ready')]).toEqual([200, 503, 503]);
  health.enter('running');
  expect([await probe('live'), await probe('started'), await probe('ready')]).toEqual([200, 200, 200]);
  health.set('nats', false, 'not connected');
  expect(await (await get('/healthz/ready')).text()).toBe('degraded: nats: not connected\n');
  health.enter('draining');
  expect([await probe('live'), await probe('started'), await probe('ready')]).toEqual([200, 200, 503]);
});

test('metrics carry prefix, role and pod', async () => {
  const answer = await get('/metrics');
  expect(answer.headers.get('content-type')).toContain('text/plain');
  expect(await answer.text()).toMatch(/^linchpin_process_cpu_seconds_total\{.*pod="greeter-0"/m);
});

test('status is JSON', async () => {
  expect(await (await get('/status?now')).json()).toMatchObject({ role: 'greeter' });
});

test('anything else is refused', async () => {
  expect((await get('/elsewhere')).status).toBe(404);
  expect((await get('/constructor')).status).toBe(404);
  expect((await get('/metrics', { method: 'POST', body: 'x' })).status).toBe(405);
});

test('a header section that goes on and on is cut off', async () => {
  const socket = connect(http.port, '127.0.0.1');
  socket.write(`GET /status HTTP/1.1\r\nhost: x\r\nx: ${'x'.repeat(20_000)}`);
  expect(await text(socket)).toContain('431 Request Header Fields Too Large');
});
