import { randomInt } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { CliError, EXIT } from '../cli-error.ts';

/** No characters that look alike, and none that a shell or a client's configuration file reads as its own. */
const ALPHABET = 'abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789';
const LENGTH = 16;

/** About 93 bits. */
export const generatePassword = (): string =>
  Array.from({ length: LENGTH }, () => ALPHABET[randomInt(ALPHABET.length)]).join('');

/** The first line of the file, `-` for stdin. A password on the command line would be everybody's to see. */
export async function readPasswordFile(path: string): Promise<string> {
  const content = path === '-' ? await text(process.stdin) : await readFile(path, 'utf8').catch(unreadable);
  const password = content.split(/\r?\n/)[0] ?? '';
  if (password === '') throw new CliError(`${path} holds no password in its first line.`, EXIT.usage);
  return password;
}

function unreadable(cause: Error): never {
  throw new CliError(`The password file cannot be read: ${cause.message}`, EXIT.usage, { cause });
}
