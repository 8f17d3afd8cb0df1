// Finds in memory where words may be: wherever PostgreSQL finds a word these find it too, and sometimes where it does not. Its parser
// takes addresses, numbers and hyphens apart in ways of its own, and goes by the locale of the database; so what may be said is
// confirmed there, and what is not said need not be asked for.

/** Texts that differ in case only are the same, as lower() of any locale makes them. */
export function fold(text: string): string {
  return text.toLowerCase().replace(ODD, (letter) => PLAIN[letter] ?? '');
}

// A sigma at the end of a word, an i without its dot, and the dot that remains of a Turkish I: locales differ.
const ODD = /\u03c2|\u0131|\u0307/g;
const PLAIN: Record<string, string> = { '\u03c2': '\u03c3', '\u0131': 'i' };

const APART = 0;
const ASCII = 1;
const LETTER = 2;
const DIGIT = 3;
const ALONE = 4;

const LETTERS = /\p{L}/u;
let kinds: Uint8Array | undefined;

/**
 * Of each code unit. No locale parts two letters of ASCII, two others, or two digits; addresses end where ASCII does, and numbers
 * before letters. What is no ASCII and no letter is a part of a word in some locales and none in others: each such unit stands for
 * itself.
 */
function kindsOfUnits(): Uint8Array {
  const made = new Uint8Array(0x1_00_00).fill(ALONE);
  made.fill(APART, 0, 0x80);
  made.fill(DIGIT, 0x30, 0x3a);
  made.fill(ASCII, 0x61, 0x7b);
  for (let unit = 0x80; unit < made.length; unit++)
    if (LETTERS.test(String.fromCharCode(unit))) made[unit] = LETTER;
  return made;
}

// FNV-1a, cut to what a Map takes as a small integer.
const SEED = 0x811c9dc5;
const PRIME = 0x01000193;
const SMALL = 0x3fff_ffff;

type Visit = (key: number, units: number) => void;

/** What is no ASCII and becomes so when it is folded. */
const TURNED = /\u0130|\u0131|\u212a/g;

/**
 * Calls `visit` for each piece of a text: a run of letters or of digits (see `kindsOfUnits`), or what stands alone. Every piece of
 * a word is one of any text that holds the word. Two pieces may have the same key, and a piece may come twice.
 */
export function eachPiece(text: string, folded: string, visit: Visit): void {
  eachRun(folded, visit);
  // An address may have ended before it, and another word begun with it.
  const apart = text.replace(TURNED, ' $&');
  if (apart !== text) eachRun(fold(apart), visit);
}

function eachRun(folded: string, visit: Visit): void {
  kinds ??= kindsOfUnits();
  let kind = APART;
  let hash = SEED;
  let units = 0;
  for (let at = 0; at < folded.length; at++) {
    const unit = folded.charCodeAt(at);
    const next = kinds[unit] as number;
    if (next !== kind || next === ALONE) {
      if (units > 0) visit(hash & SMALL, units);
      kind = next;
      hash = SEED;
      units = 0;
    }
    if (next === APART) continue;
    hash = Math.imul(hash ^ unit, PRIME);
    units += 1;
  }
  if (units > 0) visit(hash & SMALL, units);
}

/** Of the pieces in these folded words the one that costs least to be looked up by. Undefined: there is none. */
export function keyOf(
  folded: readonly string[],
  cost: (key: number, units: number) => number,
): number | undefined {
  let least = Number.POSITIVE_INFINITY;
  let found: number | undefined;
  for (const word of folded)
    eachRun(word, (key, units) => {
      const own = cost(key, units);
      if (own >= least) return;
      least = own;
      found = key;
    });
  return found;
}
