// Runs fake roles under the real supervisor in a process of its own, so that a test can kill it.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '@linchpin/backends';
import { openHome } from '../src/installation/home.ts';
import type { RoleLayout, RoleName } from '../src/installation/layout.ts';
import { rolePart } from '../src/standard-edition/role-part.ts';
import { createConsole } from '../src/supervisor/console.ts';
import { Supervisor } from '../src/supervisor/supervisor.ts';

const home = openHome(process.argv[2]);
const console = createConsole(process.stderr, home.logs);
const roles = await Promise.all((['director', 'edge'] as RoleName[]).map(fakeRole));
const supervisor = new Supervisor({ parts: roles, say: console.say });
await supervisor.start();
process.stdout.write(`${JSON.stringify(supervisor.pids())}\n`);
process.on('SIGTERM', () => supervisor.stop().then(() => process.exit(0)));

async function fakeRole(role: RoleName) {
  const http = { address: '127.0.0.1', port: await freePort() };
  const layout: RoleLayout = { role, name: `${role}-0`, rpc: http, http, listeners: [] };
  mkdirSync(home.roleDir(role), { recursive: true });
  writeFileSync(join(home.roleDir(role), 'config.yaml'), JSON.stringify({ role, http }));
  const program = join(import.meta.dirname, 'fake-role.ts');
  return { ...rolePart({ home, role: layout, console, program }), startsAfter: [] };
}
