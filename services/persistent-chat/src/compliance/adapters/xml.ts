// One XML document for the events of a room; docs/compliance.md has the schema.
import { parseStored } from '../event.ts';
import type { EventRow } from '../store-rows.ts';
import type { AdapterBatch } from './adapter.ts';

export const XML_NAMESPACE = 'urn:linchpin:compliance:1';

const IN_ATTRIBUTES = ['scope', 'seq', 'at', 'kind'];

export function toXml({ scope, name, previous, events }: AdapterBatch): string {
  const attributes = `scope="${scope}" previous="${previous.toString('hex')}"`;
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<room xmlns="${XML_NAMESPACE}" ${attributes}>`,
    `<name>${text(name)}</name>`,
    ...events.map(eventElement),
    attachments(events),
    '</room>',
    '',
  ].join('\n');
}

function eventElement({ event, hash }: EventRow): string {
  const fields = parseStored(event);
  const { seq, at, kind } = fields;
  const start = `<event seq="${seq}" at="${attribute(at)}" kind="${attribute(kind)}" hash="${hash.toString('hex')}">`;
  const rest = Object.entries(fields).filter(([key]) => !IN_ATTRIBUTES.includes(key));
  return `${start}${rest.map(([key, value]) => element(key, value)).join('')}</event>`;
}

/** The files that were uploaded, once more in one place. */
function attachments(events: readonly EventRow[]): string {
  const files = events
    .filter(({ kind }) => kind === 'upload')
    .map(({ event }) => parseStored(event))
    .map((upload) => ('file' in upload ? `<file seq="${upload.seq}">${content(upload.file)}</file>` : ''));
  return `<attachments>${files.join('')}</attachments>`;
}

// A key can be anything: the names of the elements are ours, or the key is text.
function element(key: string, value: unknown): string {
  if (/^[a-z][A-Za-z]{0,31}$/.test(key) && !/^xml/i.test(key)) return `<${key}>${content(value)}</${key}>`;
  return `<field><key>${text(key)}</key><value>${content(value)}</value></field>`;
}

function content(value: unknown): string {
  if (Array.isArray(value)) return value.map((item) => `<item>${content(item)}</item>`).join('');
  if (typeof value === 'object' && value !== null)
    return Object.entries(value)
      .map(([key, inner]) => element(key, inner))
      .join('');
  return text(String(value));
}

const ESCAPES: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  '\t': '&#9;',
  '\n': '&#10;',
  '\r': '&#13;',
};

// XML 1.0 2.2: these cannot stand in a document at all, not even as references.
const FORBIDDEN = /[^\t\n\r\x20-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu;

/** Nothing is lost: what XML cannot say becomes `<char code="0"/>`. */
const text = (value: string): string =>
  value
    .replace(/[&<>\r]/g, (char) => ESCAPES[char] ?? char)
    .replace(FORBIDDEN, (char) => `<char code="${char.charCodeAt(0).toString(16)}"/>`);

const attribute = (value: string): string =>
  value.replace(FORBIDDEN, '\ufffd').replace(/[&<>"\t\n\r]/g, (char) => ESCAPES[char] ?? char);
