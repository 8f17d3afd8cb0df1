// Which names files may have. Names come back to other people's machines, so what would be a trick on any of them is refused.
import { ChatError } from '../chat.ts';

/** What file systems take, in bytes of UTF-8. */
const MOST_BYTES = 255;

/** Names of devices on Windows, with any extension. */
const DEVICE = /^(con|prn|aux|nul|conin\$|conout\$|clock\$|(com|lpt)[0-9¹²³])$/i;

/**
 * Marks that cannot be seen and make a name look like another: directions of writing, ends of lines, halves of pairs. Joiners (U+200C,
 * U+200D) belong to the spelling of some languages and of emoji.
 */
const INVISIBLE = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}]|(?![\u200c\u200d])\p{Cf}/u;

/** The name as it is kept. Throws ChatError `invalid`. */
export function checkedName(given: string, blocked: readonly string[]): string {
  const name = given.normalize('NFC');
  const why = faultOf(name) ?? blockedIn(name, blocked);
  if (why !== undefined) throw new ChatError('invalid', `the file's name ${why}`);
  return name;
}

function faultOf(name: string): string | undefined {
  if (name.trim() === '') return 'is empty';
  if (Buffer.byteLength(name) > MOST_BYTES) return `may have ${MOST_BYTES} bytes at most`;
  if (INVISIBLE.test(name)) return 'has characters that cannot be seen';
  if (/[/\\]/.test(name)) return 'may not be a path';
  // ":" begins a stream of its own on Windows.
  if (/[<>:"|?*]/.test(name)) return 'may not have any of < > : " | ? *';
  // Windows drops dots and spaces at the end, and so would run "a.exe."
  if (/^\s|[\s.]$/u.test(name)) return 'may not begin with a space, or end with a space or a dot';
  if (DEVICE.test((name.split('.', 1)[0] ?? '').trim())) return 'is that of a device';
  return undefined;
}

/**
 * Any of its extensions: "a.exe.txt" is run where the last one is hidden or dropped. As compatibility decomposition has it, in which
 * a full-width dot is a dot.
 */
function blockedIn(name: string, blocked: readonly string[]): string | undefined {
  const [, ...extensions] = name.normalize('NFKC').toLowerCase().split('.');
  const found = extensions
    .map((extension) => extension.replace(/[^\p{L}\p{N}]/gu, ''))
    .find((extension) => blocked.includes(extension));
  return found === undefined ? undefined : `has the extension .${found}, which is not allowed here`;
}
