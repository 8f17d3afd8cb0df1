import { runRole } from '@linchpin/host';
import manifest from '../package.json' with { type: 'json' };
import { edgeConfig } from './config.ts';
import { createRole } from './role.ts';

await runRole({ role: 'edge', version: manifest.version, schema: edgeConfig, create: createRole });
