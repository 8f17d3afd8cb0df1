// Which links a post may hold. Clients make text clickable by rules of their own, so what they might read as a link counts, with
// everything that they may decode or pass over on the way.

const ALLOWED = new Set(['http', 'https', 'sip', 'sips', 'mailto', 'tel']);

const AUTHORITY_LINK = /([a-z][a-z0-9+.-]*):[/\\]{2}/g;

/** Schemes that do something without `//`, where something follows at once; `data` and others that are words need more. */
const BARE_LINKS = [
  /((?:java|vb|live|j)script|mocha|blob|view-source|ms-[a-z0-9-]+|search-ms|callto|skype|xmpp|magnet|intent):[^\s]/,
  /(?<![a-z0-9])(data):(?:[a-z]+\/[a-z]|[,;])/,
  /(?<![a-z0-9])(file|jar|about|chrome|resource|shell|smb):(?:[/\\]|blank|config|http|file)/,
];

const ENTITIES: Record<string, string> = {
  colon: ':',
  sol: '/',
  bsol: '\\',
  tab: '\t',
  newline: '\n',
  lpar: '(',
};
const ENTITY = /&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|([a-z]{3,7}));?/gi;

/** The scheme of a link that is not allowed, as it was read; undefined where there is none. */
export function refusedScheme(text: string): string | undefined {
  // Without one of these there is no scheme, however it is written; U+FE13 and others are compatible with a colon.
  if (!/[:&%\u{fe13}\u{fe55}\u{ff1a}]/u.test(text)) return undefined;
  const read = [text, decoded(text)].flatMap((version) => [
    plain(version),
    plain(version).replace(/[\t\n]/g, ''),
  ]);
  for (const version of [read[0], read[2]]) {
    const found = authorityScheme(version as string);
    if (found !== undefined) return found;
  }
  for (const version of read) {
    const found = bareScheme(version);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Full-width letters are letters, and what is not seen is not there. */
const plain = (text: string): string =>
  text
    .normalize('NFKC')
    .replace(/\p{Cf}/gu, '')
    .toLowerCase();

function authorityScheme(text: string): string | undefined {
  for (const [, scheme = ''] of text.matchAll(AUTHORITY_LINK)) if (!ALLOWED.has(scheme)) return scheme;
  return undefined;
}

function bareScheme(text: string): string | undefined {
  for (const link of BARE_LINKS) {
    const found = link.exec(text)?.[1];
    if (found !== undefined) return found;
  }
  return undefined;
}

/** HTML entities and percent-encoding undone, twice each: that is as deep as clients were seen to go. */
const decoded = (text: string): string => once(once(text));

const once = (text: string): string =>
  text
    .replace(ENTITY, (all, decimal?: string, hex?: string, name?: string) => {
      if (name !== undefined) return ENTITIES[name.toLowerCase()] ?? all;
      const code = decimal === undefined ? Number.parseInt(hex as string, 16) : Number(decimal);
      return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : all;
    })
    .replace(/%([2-7][0-9a-f]|0[9ad])/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
