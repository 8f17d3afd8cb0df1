import type { NatsLink } from '@linchpin/host';
import type { NatsConnection } from '@nats-io/transport-node';
import { expect, test } from 'vitest';
import { createRequests } from './requests.ts';

test('what the client refuses to send fails its own request and nothing else', async () => {
  const sent: string[] = [];
  const connection = {
    subscribe: () => ({ isClosed: () => false, unsubscribe() {} }),
    publish(subject: string) {
      if (subject === 'large') throw new Error('max_payload size exceeded');
      sent.push(subject);
    },
  } as unknown as NatsConnection;
  const link = {
    connected: true,
    onConnected(listener: (connection: NatsConnection) => void) {
      listener(connection);
      return () => {};
    },
    onDisconnected: () => () => {},
  } as Partial<NatsLink> as NatsLink;
  const requests = createRequests(link);
  const large = requests.send({ subject: 'large', payload: '' }, 1000);
  const small = requests.send({ subject: 'small', payload: '' }, 1000);
  await expect(large).rejects.toMatchObject({ name: 'Unanswered', sent: false });
  expect(sent).toEqual(['small']);
  requests.close();
  await expect(small).rejects.toMatchObject({ message: 'closing', sent: true });
});
