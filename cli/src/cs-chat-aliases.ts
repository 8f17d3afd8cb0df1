// Names and parameters of Lync's Persistent Chat cmdlets, as what they are here.

/** What a parameter and its value become; undefined: as with every other cmdlet. */
export type ReadParameter = (parameter: string, value: string) => string[] | undefined;

export interface ChatAlias {
  words: string[];
  settings?: string[];
  read: ReadParameter;
}

const setting = (name: string) => (value: string) => [`${name}=${value}`];
const lower = (name: string) => (value: string) => [`${name}=${value.toLowerCase()}`];
const nothing = () => [];
const position = (value: string) => [value];
const bare = (value: string): string => value.replace(/^\$/, '').toLowerCase();
const flag = (name: string) => (value: string) => [`${name}=${bare(value)}`];

/** "pool.contoso.com\\Trading" names the category Trading of that pool; here is one pool. */
const withoutPool = (value: string): string => value.replace(/^.*\\/, '');

const BOTH: Record<string, (value: string) => string[]> = {
  identity: (value) => [withoutPool(value)],
  persistentchatpoolfqdn: nothing,
};
const CATEGORY: typeof BOTH = {
  ...BOTH,
  enableinvitations: flag('invitations'),
  enablefileupload: flag('fileUpload'),
  enablechathistory: flag('chatHistory'),
  removechathistory: (value) => [`chatHistory=${bare(value) !== 'true'}`],
  allowedmembers: setting('allowed'),
  deniedmembers: setting('denied'),
};
const ROOM: typeof BOTH = {
  ...BOTH,
  category: (value) => [`category=${withoutPool(value)}`],
  type: lower('kind'),
  privacy: lower('privacy'),
  addin: setting('addIn'),
  disabled: flag('disabled'),
  invitations: flag('invitations'),
};
const NEW = { name: position };
const PURGE: typeof BOTH = {
  ...BOTH,
  enddate: (value) => ['--before', value],
  useruri: (value) => ['--author', value],
};

const reader =
  (known: typeof BOTH): ReadParameter =>
  (parameter, value) =>
    known[parameter.toLowerCase()]?.(value);

/** What has no meaning here becomes an option that there is not, and an error: half a filter would delete too much. */
const strictReader =
  (known: typeof BOTH): ReadParameter =>
  (parameter, value) =>
    known[parameter.toLowerCase()]?.(value) ?? [`--${parameter.toLowerCase()}`, value];

const documents = (noun: string, kind: string, known: typeof BOTH): [string, ChatAlias][] => [
  [`New-Cs${noun}`, { words: ['create', kind], read: reader({ ...known, ...NEW }) }],
  [`Get-Cs${noun}`, { words: ['get', kind], read: reader(BOTH) }],
  [`Set-Cs${noun}`, { words: ['set', kind], read: reader(known) }],
  [`Remove-Cs${noun}`, { words: ['delete', kind], read: reader(BOTH) }],
];

const purge = (name: string): [string, ChatAlias] => [
  name,
  { words: ['purge'], settings: ['--why', name], read: strictReader(PURGE) },
];

export const CHAT_ALIASES: readonly [string, ChatAlias][] = [
  ...documents('PersistentChatCategory', 'category', CATEGORY),
  ...documents('PersistentChatRoom', 'room', ROOM),
  [
    'Import-CsPersistentChatData',
    {
      words: ['import', 'persistent-chat-data'],
      read: reader({
        filename: position,
        category: (value) => ['--category', value],
        dbinstance: nothing,
        whatif: () => ['--dry-run'],
      }),
    },
  ],
  purge('Clear-CsPersistentChatRoom'),
  purge('Remove-CsPersistentChatMessage'),
];
