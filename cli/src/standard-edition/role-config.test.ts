import { readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { openHome, REPOSITORY } from '../installation/home.ts';
import { layoutOf, roleOf } from '../installation/layout.ts';
import { FORMAT_VERSION, type Settings } from '../installation/settings.ts';
import { roleConfig } from './role-config.ts';

test("the example of the Front End's configuration names the files that a start makes", () => {
  const settings: Settings = {
    ...{ formatVersion: FORMAT_VERSION, domain: 'contoso.lab', portOffset: 0 },
    ...{ listen: '127.0.0.1', samples: false },
  };
  const home = openHome(join(REPOSITORY, '.linchpin'));
  const layout = layoutOf(settings);
  const written = filesOf(roleConfig(roleOf(layout, 'frontend'), { home, layout, settings }));
  const example = parse(readFileSync(join(REPOSITORY, 'services/frontend/config.example.yaml'), 'utf8'));
  expect(filesOf(example)).toEqual(written.map((path) => relative(REPOSITORY, path)));
});

const filesOf = ({ dataDir, tls, sipTls, postgres }: Record<string, unknown>): string[] =>
  [dataDir, tls, sipTls, (postgres as { passwordFile: string }).passwordFile].flatMap((value) =>
    typeof value === 'string' ? [value] : Object.values(value as Record<string, string>),
  );
