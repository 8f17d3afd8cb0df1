export const FORMATS = ['table', 'json', 'yaml'] as const;
export type Format = (typeof FORMATS)[number];

/** Text for `-o`: `value` for programs, `asTable` for people. A list in YAML is a stream of documents, as `apply` reads it. */
export async function render(format: Format, value: unknown, asTable: () => string): Promise<string> {
  if (format === 'table') return asTable();
  if (format === 'json') return JSON.stringify(value, undefined, 2);
  const { stringify } = await import('yaml');
  const documents = Array.isArray(value) ? value : [value];
  return documents.map((document) => stringify(document).trimEnd()).join('\n---\n');
}
