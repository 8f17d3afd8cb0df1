import { runRole } from '@linchpin/host';
import manifest from '../package.json' with { type: 'json' };
import { cmsConfig } from './config.ts';
import { migrations } from './database/migrations.ts';
import { createRole } from './role.ts';

await runRole({ role: 'cms', version: manifest.version, schema: cmsConfig, create: createRole, migrations });
