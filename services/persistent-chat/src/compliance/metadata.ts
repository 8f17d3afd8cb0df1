// An event without what people said: what one administrator alone may see where it takes two to read that.

/** Who did what, when and to which post; the rest is what people wrote, or tells of it. */
const KEPT = [
  'scope',
  'seq',
  'at',
  'kind',
  'by',
  'post',
  'thread',
  'posts',
  'who',
  'from',
  'to',
  'set',
  'name',
];
const KEPT_OF_FILE = ['id', 'bytes', 'type'];

/** JSON; `withheld` names the fields that are left out. */
export function metadataOf(text: string): string {
  const event = JSON.parse(text) as Record<string, unknown>;
  const { file, ...rest } = event;
  const [kept, withheld] = split(rest, KEPT);
  if (typeof file === 'object' && file !== null) {
    const [ofFile, more] = split(file as Record<string, unknown>, KEPT_OF_FILE);
    kept.file = ofFile;
    withheld.push(...more.map((field) => `file.${field}`));
  }
  return JSON.stringify({ ...kept, withheld });
}

function split(
  object: Record<string, unknown>,
  names: readonly string[],
): [Record<string, unknown>, string[]] {
  const isKept = (name: string): boolean => names.includes(name);
  const kept = Object.entries(object).filter(([name]) => isKept(name));
  return [Object.fromEntries(kept), Object.keys(object).filter((name) => !isKept(name))];
}
