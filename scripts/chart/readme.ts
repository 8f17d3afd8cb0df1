// Writes the table of values into charts/linchpin/README.md: each setting of values.yaml with its default and the comment above
// it. A setting without a comment is an error. `npm run gen` does; `npm run check` compares.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isAlias, isMap, type Pair, parseDocument, type Scalar, type YAMLMap } from 'yaml';

const chart = join(import.meta.dirname, '../../charts/linchpin');
const [target = join(chart, 'README.md')] = process.argv.slice(2);
const BEGIN = '<!-- values -->';
const END = '<!-- /values -->';

interface Row {
  path: string;
  value: string;
  what: string;
}

const document = parseDocument(readFileSync(join(chart, 'values.yaml'), 'utf8'), { merge: true });
const rows = rowsOf(document.contents as YAMLMap, '');
const undocumented = rows.filter(({ what }) => what === '').map(({ path }) => path);
if (undocumented.length > 0) throw new Error(`values.yaml: no comment above ${undocumented.join(', ')}`);

const page = readFileSync(join(chart, 'README.md'), 'utf8');
const [before, after] = [page.split(BEGIN)[0], page.split(END)[1]];
const lines = rows.map(({ path, value, what }) => `| \`${path}\` | ${value} | ${what} |`);
const table = ['| value | default | what it is |', '|---|---|---|', ...lines].join('\n');
writeFileSync(target, `${before}${BEGIN}\n${table}\n${END}${after}`);

function rowsOf(map: YAMLMap, prefix: string): Row[] {
  return map.items.flatMap((pair) => rowsOfPair(pair as Pair<Scalar<string>>, map, prefix));
}

function rowsOfPair({ key, value }: Pair<Scalar<string>>, map: YAMLMap, prefix: string): Row[] {
  // What a role takes over from another one is described there.
  if (key.value === '<<' || isAlias(value)) return [];
  const path = `${prefix}${key.value}`;
  // The comment of a map's first key is that of the map itself.
  const first = map.items[0]?.key === key;
  const comment = (first ? map.commentBefore : undefined) ?? key.commentBefore ?? '';
  if (isMap(value) && value.items.length > 0 && !inline(value)) {
    const own = comment.includes('Every key of')
      ? [{ path: `${path}.*`, value: '', what: words(comment) }]
      : [];
    return [...own, ...rowsOf(value, `${path}.`)];
  }
  return [{ path, value: `\`${String(JSON.stringify((value as Scalar).toJSON()))}\``, what: words(comment) }];
}

/** Settings that are a whole, such as resources, are written as such. */
function inline(map: YAMLMap): boolean {
  return map.flow === true || map.has('requests');
}

/** The comment's last paragraph: those before it are about what comes after. */
function words(comment: string): string {
  const text = comment.split(/\n\s*\n/).at(-1) ?? '';
  return text
    .replace(/\s*\n\s*/g, ' ')
    .trim()
    .replaceAll('|', '\\|')
    .replaceAll('<', '&lt;');
}
