import { CHAT_ALIASES, type ReadParameter } from './cs-chat-aliases.ts';

/** Names that Lync administrators know, as what they are here. Each becomes the words before the arguments. */
interface Alias {
  words: string[];
  /** Where a setting is implied: `Disable-CsUser bob` is `set user bob enabled=false`. */
  settings?: string[];
  /** `Grant-…`: the argument after the user is the policy's tag. */
  grants?: string;
  /** Parameters that mean something of their own to it. */
  read?: ReadParameter;
}

const documents = (noun: string): [string, Alias][] => {
  const kind = noun.toLowerCase();
  return [
    [`New-Cs${noun}`, { words: ['create', kind] }],
    [`Get-Cs${noun}`, { words: ['get', kind] }],
    [`Set-Cs${noun}`, { words: ['set', kind] }],
    [`Remove-Cs${noun}`, { words: ['delete', kind] }],
  ];
};

const policy = (noun: string, grants: string): [string, Alias][] => [
  ...documents(noun),
  [`Grant-Cs${noun}`, { words: ['set', 'user'], grants }],
];

export const ALIASES: ReadonlyMap<string, Alias> = new Map<string, Alias>([
  ...documents('User'),
  ['Enable-CsUser', { words: ['set', 'user'], settings: ['enabled=true'] }],
  ['Disable-CsUser', { words: ['set', 'user'], settings: ['enabled=false'] }],
  ['Get-CsTopology', { words: ['get', 'topology'] }],
  ['Publish-CsTopology', { words: ['apply'] }],
  ['Get-CsManagementStoreReplicationStatus', { words: ['get', 'replicas'] }],
  ['Get-CsWindowsService', { words: ['status'] }],
  ['Get-CsPoolFabricState', { words: ['get', 'pool'] }],
  ['Get-CsUserPoolInfo', { words: ['describe', 'user'] }],
  ['Invoke-CsComputerFailOver', { words: ['drain'] }],
  ['Stop-CsWindowsService', { words: ['drain'] }],
  ...policy('ExternalAccessPolicy', 'policies.externalAccess'),
  ...policy('PresencePolicy', 'policies.presence'),
  ...policy('PersistentChatPolicy', 'policies.persistentChat'),
  ...documents('RegistrarConfiguration'),
  ...documents('PersistentChatConfiguration'),
  ...documents('AccessEdgeConfiguration'),
  ...CHAT_ALIASES,
  ['Test-CsRegistration', { words: ['test', 'registration'] }],
  ['Test-CsPresence', { words: ['test', 'presence'] }],
  ['Test-CsIM', { words: ['test', 'im'] }],
]);

/** Turns `Set-CsUser -Identity bob -Enabled false` into `set user bob enabled=false`; other words stay as they are. */
export function expandAlias(args: string[]): string[] {
  const [first = '', ...rest] = args;
  const name = [...ALIASES.keys()].find((alias) => alias.toLowerCase() === first.toLowerCase());
  if (name === undefined) return args;
  const { words, settings = [], grants, read = () => undefined } = ALIASES.get(name) as Alias;
  const plain = parameters(rest, read);
  return [...words, ...(grants === undefined ? plain : grant(plain, grants)), ...settings];
}

/** Without a value. A drain always is graceful, and asks nothing. */
const SWITCHES = /^(Graceful|Force)$/i;

/** PowerShell parameters: `-Identity` and `-PolicyName` are positions here, other names are settings. */
function parameters(args: string[], read: ReadParameter): string[] {
  const plain: string[] = [];
  for (let at = 0; at < args.length; at++) {
    const arg = args[at] as string;
    const parameter = /^-([A-Z][A-Za-z]+):?$/.exec(arg)?.[1];
    if (parameter === undefined) plain.push(arg);
    else if (SWITCHES.test(parameter)) continue;
    else {
      // A switch, as in -EnableFileUpload, has no value.
      const value = /^-[A-Z]|^$/.test(args[at + 1] ?? '') ? 'true' : (args[++at] as string);
      plain.push(...(read(parameter, value) ?? parameterWords(parameter, value)));
    }
  }
  return plain;
}

function parameterWords(parameter: string, value: string): string[] {
  if (/^(Identity|PolicyName|ComputerName|PoolFqdn)$/i.test(parameter)) return [value];
  const setting = parameter.charAt(0).toLowerCase() + parameter.slice(1);
  return [`${setting}=${value.replace(/^\$(true|false|null)$/i, (_, word: string) => word.toLowerCase())}`];
}

/** Without a policy the user's own one is taken away, as `-PolicyName $null` does. */
function grant([user = '', tag = 'null', ...options]: string[], setting: string): string[] {
  const none = /^\$?null$/i.test(tag);
  return [user, `${setting}=${none ? 'null' : JSON.stringify(tag)}`, ...options];
}

export function aliasHelp(): string {
  const lines = [...ALIASES].map(([name, { words, settings = [], grants }]) => {
    const meaning = [...words, ...(grants ? [`NAME ${grants}=TAG`] : []), ...settings].join(' ');
    return `  ${name.padEnd(40)} ${meaning}`;
  });
  return ['', 'Names from the Lync Server Management Shell:', ...lines].join('\n');
}
