// What watchers read: PIDF (RFC 3863) with the presence data model (RFC 4479), RPID (RFC 4480) and CIPID (RFC 4482).
import { createHash } from 'node:crypto';
import { activitiesFor } from './activities.ts';
import { availabilityClass } from './availability.ts';
import { type AggregateState, mayRead, type Note } from './categories.ts';

export const PIDF_TYPE = 'application/pidf+xml';

export interface Portrayal {
  /** The presentity, for example `sip:alice@contoso.lab`. */
  aor: string;
  displayName: string | undefined;
  container: number;
  state: AggregateState;
}

// baresip 1.0 looks for `<basic>` and `<rpid:...>` by their bytes, so these prefixes, and tags without attributes, must stay.
const NAMESPACES = [
  'xmlns="urn:ietf:params:xml:ns:pidf"',
  'xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model"',
  'xmlns:rpid="urn:ietf:params:xml:ns:pidf:rpid"',
  'xmlns:c="urn:ietf:params:xml:ns:pidf:cipid"',
].join(' ');

/** The document that members of the container get. The same bytes as long as nothing changes that they may read. */
export function writePidf(portrayal: Portrayal): string {
  const { aor, container, state } = portrayal;
  const read = (category: Parameters<typeof mayRead>[1], write: () => string): string =>
    mayRead(container, category) ? write() : '';
  return [
    '<?xml version="1.0" encoding="UTF-8"?>\n',
    `<presence ${NAMESPACES} entity="${escapeXml(aor)}">\n`,
    read('state', () => tuple(aor, state)),
    read('services', () =>
      state.services
        .filter(({ contact }) => contact !== aor)
        .map(serviceTuple)
        .join(''),
    ),
    read('note', () => state.notes.map(note).join('')),
    person(portrayal),
    read('device', () => state.devices.map(device).join('')),
    '</presence>\n',
  ].join('');
}

/** Ids are the same in each document, so that watchers see one tuple change and not many come and go (RFC 3863 4.1.2). */
function tuple(aor: string, { availability, since }: AggregateState): string {
  const timestamp = since === undefined ? '' : `<timestamp>${new Date(since).toISOString()}</timestamp>\n`;
  return `<tuple id="aggregate">\n${basic(isReachable(availability))}<contact>${escapeXml(aor)}</contact>\n${timestamp}</tuple>\n`;
}

function serviceTuple({ contact, open, priority }: AggregateState['services'][number]): string {
  const rank = priority === undefined ? '' : ` priority="${priority}"`;
  return `<tuple id="${idOf('s', contact)}">\n${basic(open)}<contact${rank}>${escapeXml(contact)}</contact>\n</tuple>\n`;
}

const basic = (open: boolean): string => `<status>\n<basic>${open ? 'open' : 'closed'}</basic>\n</status>\n`;

/** Do Not Disturb is closed: what comes in is not taken. linphone tells it from offline by the activity. */
function isReachable(availability: number): boolean {
  const name = availabilityClass(availability);
  return name !== 'offline' && name !== 'doNotDisturb';
}

function note({ text, lang }: Note): string {
  return `<note${lang === undefined ? '' : ` xml:lang="${escapeXml(lang)}"`}>${escapeXml(text)}</note>\n`;
}

function person({ container, displayName, state }: Portrayal): string {
  const parts = [
    ...(mayRead(container, 'state') ? personState(state) : []),
    ...(displayName === undefined ? [] : [`<c:display-name>${escapeXml(displayName)}</c:display-name>`]),
  ];
  return parts.length === 0 ? '' : `<dm:person id="person">\n${parts.join('\n')}\n</dm:person>\n`;
}

function personState({ availability, activity }: AggregateState): string[] {
  const name = availabilityClass(availability);
  const activities = activitiesFor(name, activity).map((one) => `<rpid:${one}/>`);
  const idle = name === 'availableIdle' || name === 'busyIdle';
  return [
    ...(activities.length === 0 ? [] : [`<rpid:activities>${activities.join('')}</rpid:activities>`]),
    ...(idle ? ['<rpid:user-input>idle</rpid:user-input>'] : []),
  ];
}

function device({ id, idle }: AggregateState['devices'][number]): string {
  const input = `<rpid:user-input>${idle ? 'idle' : 'active'}</rpid:user-input>`;
  return `<dm:device id="${idOf('d', id)}">\n${input}\n<dm:deviceID>${escapeXml(id)}</dm:deviceID>\n</dm:device>\n`;
}

/** An XML ID must be a name, which a URI is not. */
function idOf(prefix: string, uri: string): string {
  return prefix + createHash('sha256').update(uri).digest('hex').slice(0, 12);
}

const escapes: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
};

/** Characters that XML 1.0 has no form for are left out. */
export function escapeXml(text: string): string {
  return text
    .toWellFormed()
    .replace(/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, '')
    .replace(/[&<>"']/g, (character) => escapes[character] ?? '');
}
