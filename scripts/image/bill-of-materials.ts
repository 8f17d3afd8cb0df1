import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

export interface BillOptions {
  root: string;
  role: string;
  version: string;
  /** Files that are in the bundle, relative to `root`. */
  inputs: readonly string[];
}

interface Manifest {
  name: string;
  version: string;
  license?: string;
}

interface Component {
  type: 'library';
  name: string;
  version: string;
  purl: string;
  licenses?: [{ license: { name: string } } | { expression: string }];
}

/** CycloneDX 1.6: the npm packages whose code is in a bundle. It names no time and no serial number: the same every time. */
export function billOfMaterials({ root, role, version, inputs }: BillOptions) {
  const found = new Map<string, Component>();
  for (const input of inputs) {
    if (!input.includes('node_modules/')) continue;
    const component = componentOf(manifestOf(join(root, input)));
    found.set(component.purl, component);
  }
  const components = [...found.values()].sort((a, b) => (a.purl < b.purl ? -1 : 1));
  return {
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: { component: { type: 'application', name: `linchpin-${role}`, version } },
    components,
  };
}

const manifests = new Map<string, Manifest>();

/** The nearest package.json above that names a package; packages also have such files that only say `"type": "module"`. */
function manifestOf(path: string): Manifest {
  const folder = dirname(path);
  const known = manifests.get(folder);
  if (known) return known;
  const file = join(folder, 'package.json');
  const own = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Partial<Manifest>) : {};
  const manifest = own.name && own.version ? (own as Manifest) : manifestOf(folder);
  manifests.set(folder, manifest);
  return manifest;
}

function componentOf({ name, version, license }: Manifest): Component {
  // https://github.com/package-url/purl-spec: the @ of a scope is escaped.
  const purl = `pkg:npm/${name.replace('@', '%40')}@${version}`;
  return { type: 'library', name, version, purl, ...(license && { licenses: [{ expression: license }] }) };
}
