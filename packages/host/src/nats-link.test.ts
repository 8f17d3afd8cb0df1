import { join } from 'node:path';
import { type NatsServer, startNats } from '@linchpin/backends';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type Certificates, createCertificates } from '../test/certificates.ts';
import { silent } from '../test/silent.ts';
import { createNatsLink, type NatsLink } from './nats-link.ts';

let certificates: Certificates;
let server: NatsServer | undefined;
let link: NatsLink | undefined;
beforeEach(async () => {
  certificates = await createCertificates();
});
afterEach(async () => {
  await link?.close();
  await server?.stop();
  await certificates[Symbol.asyncDispose]();
});

// Fails, not skips, where there is no nats-server: the error says how to get it.
const start = async (port = 0): Promise<NatsServer> =>
  startNats({
    dir: join(certificates.dir, 'nats'),
    port,
    tls: await certificates.files('nats'),
    permissions: { 'greeter.linchpin.internal': { publish: { allow: ['>'] }, subscribe: { allow: ['>'] } } },
  });

const open = async (port: number, role = 'greeter'): Promise<NatsLink> =>
  createNatsLink({ servers: [`localhost:${port}`], tls: await certificates.files(role), log: silent });

const until = (condition: () => unknown) =>
  vi.waitFor(() => expect(condition()).toBeTruthy(), { timeout: 15_000, interval: 10 });

test('connects with its certificate, tells at once and again after a restart', async () => {
  server = await start();
  link = await open(server.port);
  const heard: string[] = [];
  link.onConnected(() => heard.push('up'));
  link.onDisconnected(() => heard.push('down'));
  const connection = await link.connection();
  const subscription = connection.subscribe('greetings');
  await connection.flush();
  await server.stop();
  await until(() => !link?.connected);
  server = await start(server.port);
  await until(() => link?.connected);
  expect(heard).toEqual(['up', 'down', 'up']);
  link.onConnected(() => heard.push('at once'));
  expect(heard.at(-1)).toBe('at once');
  // The subscription has outlived the server.
  (await link.connection()).publish('greetings', 'hello');
  for await (const message of subscription) {
    expect(message.string()).toBe('hello');
    break;
  }
  await link.close();
  expect(link.connected).toBe(false);
  // Who closes it need not be told.
  expect(heard).toEqual(['up', 'down', 'up', 'at once']);
});

test('a server that comes later than the role is found', async () => {
  server = await start();
  const { port } = server;
  await server.stop();
  link = await open(port);
  const connection = link.connection();
  expect(link.connected).toBe(false);
  server = await start(port);
  await (await connection).flush();
  expect(link.connected).toBe(true);
});

test('a refused certificate is not final', async () => {
  server = await start();
  link = await open(server.port, 'stranger');
  await new Promise((resolve) => setTimeout(resolve, 1500));
  expect(link.connected).toBe(false);
});

test('close ends the waiting', async () => {
  server = await start();
  const { port } = server;
  await server.stop();
  link = await open(port);
  const connection = link.connection();
  await link.close();
  await expect(connection).rejects.toThrow('the link to NATS is closed');
});
