import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { expect, test, vi } from 'vitest';
import { freePort } from './ports.ts';

test('each port is another one, and none that Linux could give to somebody meanwhile, or a whole system could want', async () => {
  const ports = await Promise.all(Array.from({ length: 200 }, freePort));
  expect(new Set(ports).size).toBe(200);
  expect(Math.min(...ports)).toBeGreaterThanOrEqual(20_000);
  expect(Math.max(...ports)).toBeLessThan(32_768);
});

test('each worker of the test runner has ports of its own', async () => {
  const own = Number(process.env.VITEST_POOL_ID);
  const of = async (worker: number) => {
    vi.stubEnv('VITEST_POOL_ID', String(worker));
    vi.resetModules();
    const { freePort } = await import('./ports.ts');
    return Promise.all(Array.from({ length: 100 }, freePort));
  };
  const [mine, others] = [await of(own), await of(own + 1)];
  vi.unstubAllEnvs();
  const [highest, lowest] = [Math.max(...mine), Math.min(...others)];
  expect(own).toBeGreaterThan(0);
  expect(highest).toBeLessThan(lowest);
});

test('a port that is taken, for TCP or for UDP, is passed over', async () => {
  const [one, two, three] = [await freePort(), await freePort(), await freePort()];
  const tcp = createServer().listen(one, '127.0.0.1');
  const udp = createSocket('udp4').bind(two, '127.0.0.1');
  await Promise.all([once(tcp, 'listening'), once(udp, 'listening')]);
  vi.resetModules();
  const anew = await import('./ports.ts');
  const first = 20_000 + Number(process.env.VITEST_POOL_ID) * 1_250;
  const dice = [one, two, three].map((port) => (port - first + 0.5) / 1_250);
  vi.spyOn(Math, 'random').mockImplementation(() => dice.shift() ?? 0);
  expect(await anew.freePort()).toBe(three);
  tcp.close();
  udp.close();
});
