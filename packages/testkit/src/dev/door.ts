import { createSocket } from 'node:dgram';
import { FlowEvent, type Frame } from '@linchpin/proto/relay/v1/relay';
import type { Lab } from '../lab.ts';
import { callAs } from '../neighbour.ts';
import type { Fixture } from './fixture.ts';

export interface Door {
  /** What a Front End sends to its Edge, past the Director. */
  deliver(frame: Frame): void;
  close(): void;
}

/** A fake Edge for sipsak and friends: each datagram becomes a frame, each frame back a datagram. */
export async function openDoor({ door, port, role }: Fixture, lab: Lab): Promise<Door | undefined> {
  if (door === undefined) return undefined;
  const socket = createSocket('udp4');
  const identities = new Map<string, string>();
  const deliver = (frame: Frame): void => {
    if (frame.message.length > 0) socket.send(frame.message, Number(frame.flow.split('/')[1]), '127.0.0.1');
  };
  const caller = callAs(door.pod, await lab.mtls(door.as), role, `127.0.0.1:${port}`, (frame) => {
    if (frame.event === FlowEvent.BOUND) identities.set(frame.flow, frame.identity);
    deliver(frame);
  });
  socket.on('message', (message, peer) => {
    const flow = `${door.pod}/${peer.port}`;
    const remote = { transport: 'tls', remoteAddress: peer.address, remotePort: peer.port };
    caller.send({
      message,
      flow,
      identity: identities.get(flow) ?? '',
      ...remote,
      sentBy: `127.0.0.1:${door.port}`,
    });
  });
  await new Promise<void>((resolve) => socket.bind(door.port, '127.0.0.1', resolve));
  return {
    deliver,
    close() {
      caller.close();
      socket.close();
    },
  };
}
