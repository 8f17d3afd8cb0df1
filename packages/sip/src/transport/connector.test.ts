import { once } from 'node:events';
import { createServer } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { SipResponse } from '../message/response.ts';
import { type ConnectorOptions, createConnector } from './connector.ts';
import { createTcpListener } from './tcp.ts';
import { selfSigned } from './test-certificate.ts';
import { createCleanUp, eventually, logged, optionsRequest } from './test-peers.ts';
import { createTlsListener } from './tls.ts';

const cleanUp = createCleanUp();
afterEach(cleanUp.run);

function connector(options: Partial<ConnectorOptions> = {}) {
  const responses: SipResponse[] = [];
  const flows: string[] = [];
  const made = createConnector({
    transport: 'tcp',
    onMessage: (message) => message instanceof SipResponse && responses.push(message),
    onFlow: (flow) => void flows.push(flow.id),
    ...options,
  });
  return { ...cleanUp.add(made), responses, flows };
}

const tcpServer = async () => {
  const log = logged();
  return { ...log, ...cleanUp.add(await createTcpListener(log.options)) };
};

test('sends over a connection and hears the answers, over the same one each time', async () => {
  const server = await tcpServer();
  const { connect, responses, flows } = connector();
  const [first, second] = await Promise.all([connect(server), connect(server)]);
  expect(await connect(server)).toBe(first);
  expect(second).toBe(first);
  expect(flows).toEqual([first.id]);
  expect(first).toMatchObject({ transport: 'tcp', remote: { address: '127.0.0.1', port: server.port } });
  first.send(Buffer.from(optionsRequest()));
  await eventually(() => expect(responses).toHaveLength(1));
});

test('makes a new connection when the old one is gone', async () => {
  const server = await tcpServer();
  const { connect } = connector();
  const first = await connect(server);
  first.close('over');
  const second = await connect(server);
  expect(second).not.toBe(first);
  expect(second.closed).toBe(false);
});

test('says that nobody is there, and tries again next time', async () => {
  // Reserved, and never given to a test that runs at the same time.
  const nobody = { address: '127.0.0.1', port: 1 };
  const { connect } = connector();
  await expect(connect(nobody)).rejects.toThrow('ECONNREFUSED');
  await expect(connect(nobody)).rejects.toThrow('ECONNREFUSED');
});

test('does not wait for ever for a TLS handshake', async () => {
  const silent = createServer(() => {}).listen(0, '127.0.0.1');
  await once(silent, 'listening');
  cleanUp.add(silent);
  const { port } = silent.address() as { port: number };
  const { connect } = connector({ transport: 'tls', limits: { halfOpenSeconds: 0.1 } });
  await expect(connect({ address: '127.0.0.1', port })).rejects.toThrow('not connected in time');
});

test('checks whom it speaks to over TLS', async () => {
  const pair = await selfSigned('fe.contoso.lab');
  const server = cleanUp.add(await createTlsListener({ ...logged().options, tls: pair }));
  const { connect, responses } = connector({ transport: 'tls', tls: { ca: pair.cert } });
  await expect(connect(server, 'other.contoso.lab')).rejects.toThrow('altnames');
  await expect(connector({ transport: 'tls' }).connect(server)).rejects.toThrow('self-signed');
  await connect(server);
  const flow = await connect(server, 'fe.contoso.lab');
  flow.send(Buffer.from(optionsRequest({ transport: 'TLS' })));
  await eventually(() => expect(responses).toHaveLength(1));
});

test('gives up what is under way when it closes', async () => {
  const silent = createServer(() => {}).listen(0, '127.0.0.1');
  await once(silent, 'listening');
  cleanUp.add(silent);
  const { port } = silent.address() as { port: number };
  const { connect, close } = connector({ transport: 'tls' });
  const pending = connect({ address: '127.0.0.1', port });
  const refused = expect(pending).rejects.toThrow('connector closed');
  await close();
  await refused;
  await expect(connect({ address: '127.0.0.1', port })).rejects.toThrow('connector closed');
});
