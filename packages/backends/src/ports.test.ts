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

test('a port that is taken, for TCP or for UDP, is passed over', async () => {
  const [one, two, three] = [await freePort(), await freePort(), await freePort()];
  const tcp = createServer().listen(one, '127.0.0.1');
  const udp = createSocket('udp4').bind(two, '127.0.0.1');
  await Promise.all([once(tcp, 'listening'), once(udp, 'listening')]);
  vi.resetModules();
  const anew = await import('./ports.ts');
  const dice = [one, two, three].map((port) => (port - 20_000 + 0.5) / 10_000);
  vi.spyOn(Math, 'random').mockImplementation(() => dice.shift() ?? 0);
  expect(await anew.freePort()).toBe(three);
  tcp.close();
  udp.close();
});
