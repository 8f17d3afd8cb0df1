import type { NatsLink } from '@linchpin/host';
import type { NatsConnection } from '@nats-io/transport-node';
import { afterEach, expect, test, vi } from 'vitest';
import { createRequests } from './requests.ts';

const linkOf = (connection: NatsConnection): NatsLink =>
  ({
    connected: true,
    onConnected(listener: (connection: NatsConnection) => void) {
      listener(connection);
      return () => {};
    },
    onDisconnected: () => () => {},
  }) as Partial<NatsLink> as NatsLink;

afterEach(() => vi.restoreAllMocks());

test('what the client refuses to send fails its own request and nothing else', async () => {
  const sent: string[] = [];
  const connection = {
    subscribe: () => ({ isClosed: () => false, unsubscribe() {} }),
    publish(subject: string) {
      if (subject === 'large') throw new Error('max_payload size exceeded');
      sent.push(subject);
    },
  } as unknown as NatsConnection;
  const requests = createRequests(linkOf(connection));
  const large = requests.send({ subject: 'large', payload: '' }, 1000);
  const small = requests.send({ subject: 'small', payload: '' }, 1000);
  await expect(large).rejects.toMatchObject({ name: 'Unanswered', sent: false });
  expect(sent).toEqual(['small']);
  requests.close();
  await expect(small).rejects.toMatchObject({ message: 'closing', sent: true });
});

test('an answer is not waited for longer when the clock of the machine is set back', async () => {
  const connection = { subscribe: () => ({ isClosed: () => false, unsubscribe() {} }), publish() {} };
  const requests = createRequests(linkOf(connection as unknown as NatsConnection));
  const sent = requests.send({ subject: 'any', payload: '' }, 10);
  const anHourAgo = Date.now() - 3_600_000;
  vi.spyOn(Date, 'now').mockReturnValue(anHourAgo);
  await expect(sent).rejects.toMatchObject({ name: 'Unanswered', sent: true });
  requests.close();
});
