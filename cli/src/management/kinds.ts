import { CliError, EXIT } from '../cli-error.ts';

/** The kinds of configuration documents, with what they are for in the words of the help. */
export const KINDS: Record<string, string> = {
  User: 'who may sign in, where the user is homed, which policies apply',
  Topology: 'SIP domains, sites, pools and their members',
  RegistrarConfiguration: 'endpoints per user, registration times, digest algorithms',
  PresencePolicy: 'subscribers per user, subscription times, privacy mode',
  ExternalAccessPolicy: 'whether users may sign in from outside',
  AccessEdgeConfiguration: 'what Edge lets in',
  PersistentChatPolicy: 'whether users may use Persistent Chat',
  PersistentChatConfiguration: 'sizes, history and searches of Persistent Chat',
  Group: 'users under one name, for access to rooms',
};

/** "users", "User" and "USER" all mean User. */
export function kindOf(word: string): string {
  const wanted = word.toLowerCase();
  const kind = Object.keys(KINDS).find((name) =>
    [name, plural(name)].some((form) => form.toLowerCase() === wanted),
  );
  if (kind !== undefined) return kind;
  throw new CliError(
    `There is no kind "${word}"; the kinds are ${Object.keys(KINDS).join(', ')}.`,
    EXIT.usage,
  );
}

const plural = (kind: string): string => kind.replace(/y$/, 'ie').concat('s');

/** Users may be named without domain; what exists once is called "global". */
export function documentName(kind: string, name: string | undefined, domain: string): string {
  if (kind === 'User') return userName(name, domain);
  return name ?? 'global';
}

function userName(name: string | undefined, domain: string): string {
  if (name === undefined) throw new CliError('Which user? Give a name such as alice.', EXIT.usage);
  const bare = name.replace(/^sip:/i, '').toLowerCase();
  return bare.includes('@') ? bare : `${bare}@${domain}`;
}
