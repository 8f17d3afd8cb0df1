import type { StatusReport } from '../commands/status.ts';
import { hostPort } from '../installation/layout.ts';
import { table } from './table.ts';

export function statusTable({ ready, domain, home, caFile, roles, endpoints }: StatusReport): string {
  const summary = [
    `ready:  ${ready ? 'yes' : 'no'}`,
    `domain: ${domain}`,
    `home:   ${home}`,
    `CA:     ${caFile}`,
  ];
  const roleRows = roles.map(({ name, pid, version, configVersion, health }) => [
    name,
    String(pid ?? '-'),
    version ?? '-',
    String(configVersion ?? '-'),
    health,
  ]);
  const endpointRows = endpoints.map(({ role, name, protocol, address, port }) => [
    role,
    name,
    protocol,
    hostPort({ address, port }),
  ]);
  return [
    summary.join('\n'),
    table(['POD', 'PID', 'VERSION', 'CONFIG', 'HEALTH'], roleRows),
    table(['ROLE', 'ENDPOINT', 'PROTOCOL', 'ADDRESS'], endpointRows),
  ].join('\n\n');
}
