import { startNats, startPostgres } from '@linchpin/backends';
import type { Home } from '../installation/home.ts';
import { type Layout, ROLES } from '../installation/layout.ts';
import type { Console } from '../supervisor/console.ts';
import type { Part } from '../supervisor/part.ts';

export const POSTGRES_USER = 'linchpin';

/** CMS has the cluster's own database, which is there from the start. */
export const DATABASES = {
  cms: 'postgres',
  frontend: 'frontend',
  chat: 'mgc',
  compliance: 'mgccomp',
} as const;

export interface BackendOptions {
  home: Home;
  layout: Layout;
  console: Console;
  postgresPassword: string;
}

/** Starting one resolves when it serves. */
const nothing = async () => undefined;

export function postgresPart({ home, layout, console, postgresPassword }: BackendOptions): Part {
  const onLog = console.channel('postgres', { shows: (line) => /\b(ERROR|FATAL|PANIC):/.test(line) });
  return {
    name: 'postgres',
    startsAfter: [],
    stopsAfter: ['cms', 'frontend', 'persistent-chat'],
    lacks: nothing,
    start: () =>
      startPostgres({
        dir: home.postgres,
        port: layout.postgres.port,
        user: POSTGRES_USER,
        password: postgresPassword,
        databases: [DATABASES.frontend, DATABASES.chat, DATABASES.compliance],
        onProgress: console.say,
        onLog,
      }),
  };
}

export function natsPart({ home, layout, console }: BackendOptions): Part {
  const onLog = console.channel('nats', { shows: (line) => /\[(WRN|ERR|FTL)\]/.test(line) });
  return {
    name: 'nats',
    startsAfter: [],
    stopsAfter: [...ROLES],
    lacks: nothing,
    start: () =>
      startNats({
        dir: home.nats,
        cacheDir: home.bin,
        port: layout.nats.port,
        tls: { ca: home.caFile, ...home.certificate('nats') },
        onProgress: console.say,
        onLog,
      }),
  };
}
