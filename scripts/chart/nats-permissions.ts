// Writes what NATS enforces for each role where the chart reads it, from the same source that Standard Edition uses.
// `npm run gen` does; `npm run check` gives a file to write to and compares.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { natsPermissions } from '../../packages/backends/src/nats-permissions.ts';

const [target = join(import.meta.dirname, '../../charts/linchpin/files/nats-permissions.json')] =
  process.argv.slice(2);
writeFileSync(target, `${JSON.stringify(natsPermissions(), undefined, 2)}\n`);
