import { type Command, InvalidArgumentError, Option } from 'commander';
import { type Home, openHome } from '../installation/home.ts';
import { isHostPort } from '../management/address.ts';
import { openSite, type Site } from '../management/site.ts';
import { FORMATS, type Format, render } from '../output/render.ts';

/** Where text goes; tests give their own. */
export interface Terminal {
  out(text: string): void;
  err(text: string): void;
  /** `out` is a terminal, on which a line may be written anew. */
  live?: boolean;
}

export interface HomeOption {
  home?: string;
}

export interface SiteOption extends HomeOption {
  cms?: string;
  tlsDir?: string;
}

export interface OutputOption extends SiteOption {
  output: Format;
}

export const withHome = (command: Command): Command =>
  command.option(
    '--home <folder>',
    'where it is kept (default: LINCHPIN_HOME, else .linchpin in the repository)',
  );

/** For commands that go to CMS, wherever it is. */
export const withSite = (command: Command): Command =>
  withHome(command)
    .option('--cms <host:port>', 'where CMS is, if not on this machine (default: LINCHPIN_CMS)')
    .option(
      '--tls-dir <folder>',
      'ca.pem, cert.pem and key.pem of an administrator, instead of a home folder (default: LINCHPIN_TLS_DIR)',
    );

const withFormat = (command: Command): Command =>
  command.addOption(
    new Option('-o, --output <format>', 'how to show the result').choices(FORMATS).default('table'),
  );

export const withOutput = (command: Command): Command => withFormat(withHome(command));
export const withSiteOutput = (command: Command): Command => withFormat(withSite(command));

export const homeOf = ({ home }: HomeOption): Home => openHome(home);
export const siteOf = (options: SiteOption): Promise<Site> => openSite(options);

export function wholeNumber(text: string): number {
  if (!/^-?\d+$/.test(text)) throw new InvalidArgumentError('It must be a whole number.');
  return Number(text);
}

const between =
  (least: number, most: number) =>
  (text: string): number => {
    const number = wholeNumber(text);
    if (number < least) throw new InvalidArgumentError(`It must be ${least} or more.`);
    if (number > most) throw new InvalidArgumentError(`It must be ${most} or less.`);
    return number;
  };

/** How many at most; a uint32 of the RPC. */
export const limit = between(1, 2 ** 32 - 1);
/** The number of a post. */
export const postNumber = between(1, Number.MAX_SAFE_INTEGER);
/** The number of a post, or 0 for what is before the first one. */
export const postNumberOrNone = between(0, Number.MAX_SAFE_INTEGER);

export function hostPort(text: string): string {
  if (!isHostPort(text)) throw new InvalidArgumentError('It must be host:port.');
  return text;
}

export async function print(
  { out }: Terminal,
  { output }: OutputOption,
  value: unknown,
  asTable: () => string,
) {
  out(`${await render(output, value, asTable)}\n`);
}
