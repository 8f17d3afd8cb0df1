import {
  credentials,
  type handleServerStreamingCall,
  type handleUnaryCall,
  makeGenericClientConstructor,
  type ServiceDefinition,
  type ServiceError,
  status,
} from '@grpc/grpc-js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Certificates, createCertificates } from '../test/certificates.ts';
import { silent } from '../test/silent.ts';
import { callerRole } from './caller.ts';
import { healthDefinition } from './grpc-health.ts';
import { createHealth, type Health } from './health.ts';
import { createRpcClient } from './rpc-client.ts';
import { createRpcServer, type RpcServer } from './rpc-server.ts';

const wire = {
  requestSerialize: (text: string) => Buffer.from(text),
  requestDeserialize: (bytes: Buffer) => bytes.toString(),
  responseSerialize: (text: string) => Buffer.from(text),
  responseDeserialize: (bytes: Buffer) => bytes.toString(),
};
const greeter = {
  greet: { path: '/test.Greeter/Greet', requestStream: false, responseStream: false, ...wire },
  repeat: { path: '/test.Greeter/Repeat', requestStream: false, responseStream: true, ...wire },
} satisfies ServiceDefinition;

const greet: handleUnaryCall<string, string> = async (call, callback) => {
  if (call.request === 'silence') return;
  if (call.request === 'nobody') throw { code: status.NOT_FOUND, details: 'nobody is not here' };
  if (call.request === 'defect') throw Object.assign(new Error('the secret of the house'), { code: 10071 });
  callback(null, `hello ${call.request}, ${callerRole(call)}`);
};
const repeat: handleServerStreamingCall<string, string> = (call) => {
  call.write(call.request);
  call.end();
};

const GreeterClient = makeGenericClientConstructor(greeter, 'test.Greeter');
const HealthClient = makeGenericClientConstructor(healthDefinition, 'grpc.health.v1.Health');

let certificates: Certificates;
let health: Health;
let server: RpcServer;
beforeAll(async () => {
  certificates = await createCertificates();
  health = createHealth();
  const mtls = await certificates.mtls('greeter');
  server = createRpcServer({ address: '127.0.0.1', port: 0, mtls, health, log: silent });
  server.addService(greeter, { greet, repeat }, { allow: ['guest', 'admin'] });
  await server.listen();
});
afterAll(async () => {
  await server.stop(0);
  await certificates[Symbol.asyncDispose]();
});

type Client = InstanceType<typeof GreeterClient>;
const address = () => `localhost:${server.port}`;
const clientOf = async (role: string, of: typeof GreeterClient = GreeterClient) =>
  createRpcClient(of, address(), 'greeter', await certificates.mtls(role));

const call = <T = string>(client: Client, method: string, request: unknown, options = {}): Promise<T> =>
  new Promise((resolve, reject) => {
    const done = (error: ServiceError | null, answer: T) => (error ? reject(error) : resolve(answer));
    client[method]?.(request, options, done);
  });

const collect = (client: Client, method: string, request: unknown): Promise<unknown[]> =>
  client[method]?.(request).toArray();

test('a role that is allowed gets its answer, and the handler knows the role', async () => {
  const client = await clientOf('guest');
  expect(await call(client, 'greet', 'alice')).toBe('hello alice, guest');
  expect(await collect(client, 'repeat', 'once')).toEqual(['once']);
  client.close();
});

test('a role that is not allowed is told so', async () => {
  const client = await clientOf('stranger');
  const refusal = {
    code: status.PERMISSION_DENIED,
    details: expect.stringContaining('role "stranger" may not call this; allowed: guest, admin'),
  };
  await expect(call(client, 'greet', 'alice')).rejects.toMatchObject(refusal);
  await expect(collect(client, 'repeat', 'once')).rejects.toMatchObject(refusal);
  client.close();
});

test('without a certificate, or with one of another authority, there is no connection', async () => {
  await using others = await createCertificates();
  const { ca } = (await certificates.mtls('guest')).tlsOptions();
  const { cert, key } = (await others.mtls('guest')).tlsOptions();
  const anonymous = { client: () => credentials.createSsl(ca as Buffer) };
  const foreign = { client: () => credentials.createSsl(ca as Buffer, key as Buffer, cert as Buffer) };
  for (const mtls of [anonymous, foreign]) {
    const client = createRpcClient(GreeterClient, address(), 'greeter', mtls);
    await expect(call(client, 'greet', 'alice')).rejects.toMatchObject({ code: status.UNAVAILABLE });
    client.close();
  }
});

test('a server that shows another role than the one called is not believed', async () => {
  const client = createRpcClient(GreeterClient, address(), 'treasurer', await certificates.mtls('guest'));
  await expect(call(client, 'greet', 'alice')).rejects.toMatchObject({ code: status.UNAVAILABLE });
  client.close();
});

test('a thrown status is the answer; any other error stays inside', async () => {
  const client = await clientOf('guest');
  await expect(call(client, 'greet', 'nobody')).rejects.toMatchObject({
    code: status.NOT_FOUND,
    details: 'nobody is not here',
  });
  await expect(call(client, 'greet', 'defect')).rejects.toMatchObject({
    code: status.INTERNAL,
    details: '/test.Greeter/Greet: internal error',
  });
  client.close();
});

test("a caller's deadline holds", async () => {
  const client = await clientOf('guest');
  const deadline = Date.now() + 100;
  await expect(call(client, 'greet', 'silence', { deadline })).rejects.toMatchObject({
    code: status.DEADLINE_EXCEEDED,
  });
  client.close();
});

test('grpc.health.v1 follows readiness', async () => {
  const client = await clientOf('stranger', HealthClient);
  const seen: number[] = [];
  const watch = client.watch?.({ service: '' });
  const next = () => new Promise<void>((resolve) => watch.once('data', resolve));
  watch.on('data', (answer: { status: number }) => seen.push(answer.status));
  watch.on('error', () => {});
  await next();
  health.enter('running');
  await next();
  expect(await call(client, 'check', { service: '' })).toEqual({ status: 1 });
  health.enter('draining');
  await next();
  expect(seen).toEqual([2, 1, 2]);
  await expect(call(client, 'check', { service: 'x' })).rejects.toMatchObject({ code: status.NOT_FOUND });
  watch.cancel();
  client.close();
});

test('certificates that were read again serve the next connection', async () => {
  const files = await certificates.files('renewed');
  const { createMtls } = await import('./mtls.ts');
  const mtls = await createMtls(files);
  const renewed = createRpcServer({ address: '127.0.0.1', port: 0, mtls, health, log: silent });
  renewed.addService(greeter, { greet, repeat }, { allow: ['guest'] });
  await renewed.listen();
  const guest = await certificates.mtls('guest');
  const to = (role: string) => createRpcClient(GreeterClient, `localhost:${renewed.port}`, role, guest);
  const before = to('renewed');
  expect(await call(before, 'greet', 'a')).toBe('hello a, guest');
  await certificates.authority.issue({
    name: 'other-0',
    dns: ['other.linchpin.internal', 'localhost'],
    certPath: files.cert,
    keyPath: files.key,
  });
  await mtls.reload();
  const after = to('other');
  expect(await call(after, 'greet', 'b')).toBe('hello b, guest');
  expect(await call(before, 'greet', 'c')).toBe('hello c, guest');
  before.close();
  after.close();
  await renewed.stop(0);
});
