import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { replaceFile } from '../installation/files.ts';
import type { Home } from '../installation/home.ts';
import { hostPort, type Layout, listener, type RoleLayout, type RoleName } from '../installation/layout.ts';
import type { Settings } from '../installation/settings.ts';
import { DATABASES, POSTGRES_USER } from './backends.ts';

interface Context {
  home: Home;
  layout: Layout;
  settings: Settings;
}

type Config = Record<string, unknown>;

/** An installation on one machine is not worth a long farewell: clients come back to the same ports. */
const DRAIN_SECONDS = 3;

/** Writes `roles/<role>/config.yaml` of each role anew: ports and paths may have changed. */
export async function writeRoleConfigs(context: Context): Promise<void> {
  const { stringify } = await import('yaml');
  await Promise.all(
    context.layout.roles.map(async (role) => {
      const dir = context.home.roleDir(role.role);
      await mkdir(dir, { recursive: true, mode: 0o700 });
      const content = stringify(roleConfig(role, context));
      await replaceFile(
        join(dir, 'config.yaml'),
        `# Written by \`linchpin start\` each time it runs.\n${content}`,
      );
    }),
  );
}

export function roleConfig(role: RoleLayout, context: Context): Config {
  return { ...sharedConfig(role, context), ...OWN[role.role](role, context) };
}

function sharedConfig(role: RoleLayout, { home, layout }: Context): Config {
  return {
    name: role.name,
    role: role.role,
    dataDir: home.roleDir(role.role),
    rpc: role.rpc,
    http: role.http,
    tls: { ca: home.caFile, ...home.certificate(role.role) },
    nats: { servers: [`nats://${hostPort(layout.nats)}`] },
    drainSeconds: DRAIN_SECONDS,
  };
}

const OWN: Record<RoleName, (role: RoleLayout, context: Context) => Config> = {
  cms: (_, context) => ({ postgres: postgresConfig(DATABASES.cms, context) }),
  director: () => ({ pool: 'director' }),
  edge: (role, { home, settings }) => ({
    domain: settings.domain,
    sipTls: home.certificate('sip'),
    listeners: {
      accessTls: listener(role, 'access-tls'),
      accessWss: listener(role, 'access-wss'),
    },
  }),
  frontend: (role, context) => ({
    domain: context.settings.domain,
    postgres: postgresConfig(DATABASES.frontend, context),
    sipTls: context.home.certificate('sip'),
    listeners: {
      sipUdp: listener(role, 'sip-udp'),
      sipTcp: listener(role, 'sip-tcp'),
      sipTls: listener(role, 'sip-tls'),
    },
  }),
  'persistent-chat': (role, context) => ({
    domain: context.settings.domain,
    postgres: postgresConfig(DATABASES.chat, context),
    compliance: { postgres: postgresConfig(DATABASES.compliance, context) },
    web: { ...listener(role, 'chat-https'), tls: context.home.certificate('sip') },
  }),
};

const postgresConfig = (database: string, { home, layout }: Context): Config => ({
  host: layout.postgres.address,
  port: layout.postgres.port,
  user: POSTGRES_USER,
  database,
  passwordFile: home.postgresPassword,
});
