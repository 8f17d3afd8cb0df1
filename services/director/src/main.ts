import { runRole } from '@linchpin/host';
import manifest from '../package.json' with { type: 'json' };
import { directorConfig } from './config.ts';
import { createRole } from './role.ts';

await runRole({ role: 'director', version: manifest.version, schema: directorConfig, create: createRole });
