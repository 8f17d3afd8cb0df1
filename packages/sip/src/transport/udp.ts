import type { RemoteInfo } from 'node:dgram';
import { SipRequest } from '../message/request.ts';
import { plainAddress } from './address.ts';
import type { Address, Flow } from './flow.ts';
import { completeLimits } from './limits.ts';
import type { Listener, ListenerOptions } from './listener.ts';
import { createReceiver } from './receiver.ts';
import { closeEndpoint, openEndpoint } from './udp-endpoint.ts';
import { UdpFlow } from './udp-flow.ts';

export async function createUdpListener(options: ListenerOptions): Promise<Listener> {
  const limits = completeLimits(options.limits);
  const endpoint = await openEndpoint(options, limits.sendQueueBytes);
  const flowTo = (remote: Address): Flow => new UdpFlow(remote, endpoint);
  const receiver = createReceiver(
    {
      onMalformed: options.onMalformed,
      onMessage: (message, flow) =>
        options.onMessage(message, message instanceof SipRequest ? answerFlow(message, flow, flowTo) : flow),
    },
    limits.message,
  );
  endpoint.socket.on('message', (bytes: Buffer, from: RemoteInfo) => {
    if (!startsLikeSip(bytes)) return;
    const remote = { address: plainAddress(from.address), port: from.port };
    const verdict = options.admit?.(remote) ?? true;
    if (verdict === true) receiver.receive(bytes, flowTo(remote));
    else options.onRefused?.(remote, verdict);
  });
  return {
    name: options.name,
    transport: 'udp',
    ...endpoint.local,
    flows: () => [],
    flowTo,
    close: () => closeEndpoint(endpoint),
  };
}

// Keep-alives, empty lines and STUN (RFC 5626 4.4) need no answer here, nor are they worth a word.
function startsLikeSip(bytes: Buffer): boolean {
  const first = bytes[0] ?? 0;
  return first > 0x20 && first < 0x7f;
}

/**
 * Answers go to the port they came from when the client asks for that (RFC 3581 4), else to the one in its Via, where it
 * listens (RFC 3261 18.2.2). The address is always that of the sender: `maddr` would let anyone have others answered.
 */
function answerFlow(request: SipRequest, flow: Flow, flowTo: (remote: Address) => Flow): Flow {
  const { via } = request;
  const port = via.params.has('rport') ? flow.remote.port : (via.port ?? 5060);
  return port === flow.remote.port ? flow : flowTo({ address: flow.remote.address, port });
}
