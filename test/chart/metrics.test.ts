// Alerts and panels speak of metrics that roles have: a name that nobody emits would stay silent for ever.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { chart } from './helm.ts';

const root = join(chart, '../..');

function* sources(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory() && entry.name !== 'node_modules') yield* sources(path);
    else if (entry.name.endsWith('.ts') && !entry.name.endsWith('.test.ts')) yield readFileSync(path, 'utf8');
  }
}

const code = [...sources(join(root, 'services')), ...sources(join(root, 'packages/host/src'))].join('\n');

/** In quotes, whole or after a prefix that is written as a template. */
function isEmitted(name: string): boolean {
  const parts = [name, name.replace(/^linchpin_/, '')];
  for (const [, prefix = ''] of code.matchAll(/`(linchpin_[a-z_]+_)\$\{/g))
    if (name.startsWith(prefix)) parts.push(name.slice(prefix.length));
  return parts.some((part) => new RegExp(`['"\`}]${part}['"\`]`).test(code));
}

describe.each(['alerts.yaml', 'dashboard.json'])('%s', (file) => {
  const text = readFileSync(join(chart, 'files', file), 'utf8');
  const names = new Set(
    [...text.matchAll(/\blinchpin_[a-z_]+/g)].map(([name]) => name.replace(/_(bucket|count|sum)$/, '')),
  );

  it.each([...names])('%s is a metric of some role', (name) => {
    expect(isEmitted(name)).toBe(true);
  });
});
