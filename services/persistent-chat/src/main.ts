import { runRole } from '@linchpin/host';
import manifest from '../package.json' with { type: 'json' };
import { persistentChatConfig } from './config.ts';
import { migrations } from './database/migrations.ts';
import { createRole } from './role.ts';

await runRole({
  role: 'persistent-chat',
  version: manifest.version,
  schema: persistentChatConfig,
  create: createRole,
  migrations,
});
