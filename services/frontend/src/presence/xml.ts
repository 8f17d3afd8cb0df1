import { SaxesParser, type SaxesTagNS } from 'saxes';

/** An element with its namespace resolved; text between child elements is joined. */
export interface Element {
  /** Namespace URI, empty for none. */
  ns: string;
  name: string;
  /** By name as written; values of prefixed attributes are under the prefixed name. */
  attributes: ReadonlyMap<string, string>;
  children: Element[];
  text: string;
}

export interface XmlLimits {
  depth: number;
  elements: number;
  attributes: number;
}

/** The text is no XML, or none that is accepted here. The message is fit for the peer: it repeats nothing of the text. */
export class XmlError extends Error {
  override readonly name = 'XmlError';
}

const defaultLimits: XmlLimits = { depth: 12, elements: 500, attributes: 20 };

/** Takes UTF-8 only (RFC 3863 4.1 recommends it, RFC 7303 lets receivers insist) and no document type, so entities cannot grow. */
export function parseXml(bytes: Uint8Array, limits: XmlLimits = defaultLimits): Element {
  const text = decode(bytes);
  const parser = new SaxesParser({ xmlns: true, position: false });
  const tree = createTree(limits);
  parser.on('error', () => refuse('not well-formed XML'));
  parser.on('doctype', () => refuse('document type not allowed'));
  parser.on('xmldecl', ({ encoding }) => {
    if (encoding !== undefined && !/^(utf-?8|us-ascii)$/i.test(encoding)) refuse('XML encoding not UTF-8');
  });
  parser.on('attribute', tree.attribute);
  parser.on('opentag', tree.open);
  parser.on('closetag', tree.close);
  parser.on('text', tree.text);
  parser.on('cdata', tree.text);
  parser.write(text).close();
  return tree.root();
}

export function childrenNamed(element: Element, ns: string, name: string): Element[] {
  return element.children.filter((child) => child.name === name && child.ns === ns);
}

function createTree(limits: XmlLimits) {
  const path: Element[] = [];
  let root: Element | undefined;
  let elements = 0;
  let attributes = 0;
  return {
    attribute() {
      // Counted as they come: the parser itself would collect any number of them before the tag is complete.
      if (++attributes > limits.attributes) refuse('too many XML attributes');
    },
    open(tag: SaxesTagNS) {
      attributes = 0;
      if (++elements > limits.elements) refuse('too many XML elements');
      if (path.length >= limits.depth) refuse('XML nested too deeply');
      const element = elementOf(tag);
      path.at(-1)?.children.push(element);
      root ??= element;
      path.push(element);
    },
    close() {
      path.pop();
    },
    text(text: string) {
      const element = path.at(-1);
      if (element) element.text += text;
    },
    root: () => root ?? refuse('not well-formed XML'),
  };
}

function elementOf({ uri, local, attributes }: SaxesTagNS): Element {
  const values = new Map(Object.values(attributes).map(({ name, value }) => [name, value]));
  return { ns: uri, name: local, attributes: values, children: [], text: '' };
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return refuse('text not UTF-8');
  }
}

function refuse(what: string): never {
  throw new XmlError(what);
}
