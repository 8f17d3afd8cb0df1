import { runRole } from '@linchpin/host';
import manifest from '../package.json' with { type: 'json' };
import { migrations } from './backup/migrations.ts';
import { frontendConfig } from './config.ts';
import { createRole } from './role.ts';

await runRole({
  role: 'frontend',
  version: manifest.version,
  schema: frontendConfig,
  create: createRole,
  migrations,
});
