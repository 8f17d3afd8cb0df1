// Checks that every relative link in the project's Markdown leads somewhere. Run by `npm run check`.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '..');
const pages = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '*.md'], {
  cwd: root,
  encoding: 'utf8',
})
  .split('\n')
  .filter((page) => page !== '' && existsSync(join(root, page)));

const broken: string[] = [];
for (const page of pages) {
  const text = readFileSync(join(root, page), 'utf8').replace(/```[\s\S]*?```/g, '');
  for (const [, link = ''] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
    const path = link.split('#')[0] ?? '';
    if (path === '' || /^[a-z]+:/.test(path)) continue;
    if (!existsSync(resolve(root, dirname(page), path))) broken.push(`${page}: ${link} leads nowhere`);
  }
  // docs/specs.md and docs/map.md name files as `code`; those must exist as well.
  if (!/^docs\/(specs|map)\.md$/.test(page)) continue;
  for (const [, path = ''] of text.matchAll(
    /`((?:packages|services|cli|proto|test|scripts|docs)\/[\w./-]+)`/g,
  ))
    if (!existsSync(join(root, path))) broken.push(`${page}: \`${path}\` does not exist`);
}
for (const line of broken) console.error(line);
console.log(
  broken.length === 0
    ? `docs: ${pages.length} pages, every link leads somewhere`
    : `docs: ${broken.length} broken`,
);
process.exitCode = broken.length === 0 ? 0 : 1;
