import { createSocket } from 'node:dgram';
import { setTimeout as wait } from 'node:timers/promises';
import { portBusy } from '@linchpin/backends';
import { CliError, EXIT } from '../cli-error.ts';
import { endpointsOf, hostPort, type Layout, type Protocol } from './layout.ts';

interface Needed {
  what: string;
  protocol: Protocol;
  address: string;
  port: number;
}

/** Throws an error that names all ports which others use. `patience`: ms that they get to end. */
export async function requireFreePorts(layout: Layout, patience: number): Promise<void> {
  const until = Date.now() + patience;
  for (;;) {
    const taken = await takenPorts(layout);
    if (taken.length === 0) return;
    if (Date.now() >= until) throw portsTaken(taken);
    await wait(50);
  }
}

async function takenPorts(layout: Layout): Promise<Needed[]> {
  const needed = neededPorts(layout);
  const busy = await Promise.all(needed.map(isBusy));
  return needed.filter((_, index) => busy[index]);
}

function neededPorts(layout: Layout): Needed[] {
  const endpoints = endpointsOf(layout).filter(({ name }) => name !== 'metrics');
  return [
    ...endpoints.map(({ role, name, ...rest }) => ({ what: `${role} ${name}`, ...rest })),
    { what: 'NATS', protocol: 'tcp', ...layout.nats },
    { what: 'PostgreSQL', protocol: 'tcp', ...layout.postgres },
  ];
}

const isBusy = ({ protocol, address, port }: Needed): Promise<boolean> =>
  protocol === 'udp' ? udpBusy(port, address) : portBusy(port, address);

function udpBusy(port: number, address: string): Promise<boolean> {
  const probe = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  return new Promise((resolve) => {
    probe.once('error', () => resolve(true));
    probe.bind({ port, address, exclusive: true }, () => probe.close(() => resolve(false)));
  });
}

function portsTaken(taken: Needed[]): CliError {
  const list = taken.map(({ what, protocol, address, port }) => {
    const transport = protocol === 'udp' ? 'UDP' : 'TCP';
    return `  ${transport} ${hostPort({ address, port })} for ${what}`;
  });
  return new CliError(
    `Cannot listen here, because another program does or the address is not this machine's:\n${list.join('\n')}\n` +
      'End that program, or move all ports: linchpin start --port-offset 10000',
    EXIT.portTaken,
  );
}
