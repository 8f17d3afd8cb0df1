import { SaxesParser } from 'saxes';
import { CliError, EXIT } from '../cli-error.ts';

/** An element without its namespace; attributes by their local names. */
export interface Element {
  name: string;
  attributes: Record<string, string>;
  children: Element[];
  text: string;
}

const MAX_DEPTH = 50;

/** The root element. Document types, and so entities of one's own, are refused. */
export function parseXml(content: Buffer, file: string): Element {
  const parser = new SaxesParser({ xmlns: false });
  const open: Element[] = [];
  let root: Element | undefined;
  const fail = (why: string): never => {
    throw new CliError(`${file}: ${why}`, EXIT.usage);
  };
  parser.on('error', (error) => fail(error.message));
  parser.on('doctype', () => fail('has a document type, which no export has'));
  parser.on('opentag', ({ name, attributes }) => {
    if (open.length === MAX_DEPTH) fail('is nested too deeply');
    const element = { name: local(name), attributes: plain(attributes), children: [], text: '' };
    open.at(-1)?.children.push(element);
    root ??= element;
    open.push(element);
  });
  const onText = (text: string): void => {
    const element = open.at(-1);
    if (element !== undefined) element.text += text;
  };
  parser.on('text', onText);
  parser.on('cdata', onText);
  parser.on('closetag', () => void open.pop());
  parser.write(decode(content)).close();
  return root ?? fail('is empty');
}

/** .NET writes UTF-8, or UTF-16 with a byte order mark. */
function decode(content: Buffer): string {
  const isWide = content[0] === 0xff && content[1] === 0xfe;
  return new TextDecoder(isWide ? 'utf-16le' : 'utf-8').decode(content);
}

const local = (name: string): string => name.slice(name.indexOf(':') + 1);

const plain = (attributes: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(attributes).map(([name, value]) => [local(name), value]));

export const child = (element: Element | undefined, name: string): Element | undefined =>
  element?.children.find((each) => each.name === name);

export const childrenOf = (element: Element | undefined, name: string): Element[] =>
  (element?.children ?? []).filter((each) => each.name === name);

/** An attribute, or a child element of that name: exports have been seen with both. */
export const value = (element: Element, name: string): string | undefined =>
  element.attributes[name] ?? child(element, name)?.text.trim();
