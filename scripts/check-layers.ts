// Checks who may import whom, as drawn in docs/map.md. Run by `npm run check`.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '..');
const services = ['cms', 'director', 'edge', 'frontend', 'persistent-chat'];
const libraries = ['proto', 'sip', 'topology', 'host'];

/** What each part may import, apart from itself. Tests may import anything. */
const allowed: Record<string, string[]> = {
  proto: [],
  sip: [],
  host: ['proto'],
  topology: ['proto', 'host'],
  backends: [],
  testkit: [...libraries, 'backends'],
  cli: [...libraries, 'backends'],
  test: [...libraries, ...services, 'backends', 'testkit', 'cli'],
  scripts: [...libraries, 'backends', 'testkit', 'cli'],
};
for (const service of services) allowed[service] = libraries;

const partOf = (path: string): string => {
  const [top, second] = relative(root, path).split('/');
  return top === 'packages' || top === 'services' ? (second ?? '') : (top ?? '');
};
const isTest = (path: string): boolean => /\.test\.ts$|\/test\/|\/bench\/|\/dev\//.test(path);

function* sources(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.name === 'node_modules' || entry.name === 'gen' || entry.name.startsWith('.')) continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* sources(path);
    else if (entry.name.endsWith('.ts')) yield path;
  }
}

function target(path: string, specifier: string): string | undefined {
  if (specifier.startsWith('@linchpin/')) return specifier.split('/')[1];
  return specifier.startsWith('.') ? partOf(resolve(dirname(path), specifier)) : undefined;
}

/** In a service, a capability (a folder of src) imports no code of another one; types may cross. */
function crossesCapability(path: string, specifier: string, statement: string): boolean {
  const inside = /services\/[^/]+\/src\/([^/]+)\//.exec(path);
  if (!inside || !specifier.startsWith('.') || /^\s*(import|export)\s+type\b/.test(statement)) return false;
  const to = /services\/[^/]+\/src\/([^/]+)\//.exec(resolve(dirname(path), specifier));
  return to !== null && to[1] !== inside[1];
}

const problems: string[] = [];
const imports = /^\s*(?:import|export)\s[^;]*?from\s+'([^']+)'|import\(\s*'([^']+)'\s*\)/gm;
for (const top of ['proto', 'packages', 'services', 'cli', 'test', 'scripts']) {
  for (const path of sources(join(root, top))) {
    const from = partOf(path);
    for (const match of readFileSync(path, 'utf8').matchAll(imports)) {
      const specifier = match[1] ?? match[2] ?? '';
      const to = target(path, specifier);
      if (to === undefined || isTest(path)) continue;
      if (to !== from && !allowed[from]?.includes(to))
        problems.push(`${relative(root, path)}: ${from} may not import ${to} (${specifier})`);
      if (crossesCapability(path, specifier, match[0]))
        problems.push(
          `${relative(root, path)}: imports code of another capability (${specifier}); let role.ts pass it in`,
        );
    }
  }
}
for (const problem of problems) console.error(problem);
console.log(problems.length === 0 ? 'layers: clean' : `layers: ${problems.length} problem(s)`);
process.exitCode = problems.length === 0 ? 0 : 1;
