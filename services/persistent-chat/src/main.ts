import { runRole } from '@linchpin/host';
import manifest from '../package.json' with { type: 'json' };
import { complianceMigrations } from './compliance/migrations.ts';
import { persistentChatConfig } from './config.ts';
import { migrations } from './database/migrations.ts';
import { createRole } from './role.ts';

await runRole({
  role: 'persistent-chat',
  version: manifest.version,
  schema: persistentChatConfig,
  create: createRole,
  migrations: [
    { ...migrations, postgres: (config) => config.postgres },
    { ...complianceMigrations, postgres: (config) => config.compliance?.postgres },
  ],
});
