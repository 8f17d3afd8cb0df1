import { type Command, InvalidArgumentError, Option } from 'commander';
import { type Home, openHome } from '../installation/home.ts';
import { FORMATS, type Format, render } from '../output/render.ts';

/** Where text goes; tests give their own. */
export interface Terminal {
  out(text: string): void;
  err(text: string): void;
}

export interface HomeOption {
  home?: string;
}

export interface OutputOption extends HomeOption {
  output: Format;
}

export const withHome = (command: Command): Command =>
  command.option(
    '--home <folder>',
    'where it is kept (default: LINCHPIN_HOME, else .linchpin in the repository)',
  );

export const withOutput = (command: Command): Command =>
  withHome(command).addOption(
    new Option('-o, --output <format>', 'how to show the result').choices(FORMATS).default('table'),
  );

export const homeOf = ({ home }: HomeOption): Home => openHome(home);

export function wholeNumber(text: string): number {
  if (!/^-?\d+$/.test(text)) throw new InvalidArgumentError('It must be a whole number.');
  return Number(text);
}

export async function print(
  { out }: Terminal,
  { output }: OutputOption,
  value: unknown,
  asTable: () => string,
) {
  out(`${await render(output, value, asTable)}\n`);
}
