// What endpoints publish: PIDF (RFC 3863) with the presence data model (RFC 4479) and RPID (RFC 4480), read into categories.
import { stateOfActivities } from './activities.ts';
import { AVAILABILITY } from './availability.ts';
import {
  type DeviceInstance,
  type Instance,
  type Note,
  type NoteInstance,
  PUBLISHED_INTO,
  type ServiceInstance,
  type State,
  type StateInstance,
} from './categories.ts';
import { childrenNamed, type Element, parseXml, XmlError } from './xml.ts';

export const PIDF_NS = 'urn:ietf:params:xml:ns:pidf';
export const DATA_MODEL_NS = `${PIDF_NS}:data-model`;
export const RPID_NS = `${PIDF_NS}:rpid`;

const MAX_ITEMS = 10;
const MAX_NOTE_LENGTH = 1000;
const MAX_URI_LENGTH = 500;

interface Presence {
  root: Element;
  tuples: Element[];
  persons: Element[];
  devices: Element[];
}

/** Throws XmlError when the bytes are not a presence document that is accepted here. */
export function readPidf(bytes: Uint8Array): Instance[] {
  const presence = split(parseXml(bytes));
  const instances = [
    ...readStates(presence),
    ...readNotes(presence),
    ...presence.tuples.flatMap(readService),
    ...presence.devices.flatMap(readDevice),
  ];
  return instances.map((one) => ({ ...one, containers: PUBLISHED_INTO }));
}

function split(root: Element): Presence {
  if (root.name !== 'presence' || root.ns !== PIDF_NS) throw new XmlError('not a PIDF document');
  return {
    root,
    tuples: limited(childrenNamed(root, PIDF_NS, 'tuple'), 'tuples'),
    persons: limited(childrenNamed(root, DATA_MODEL_NS, 'person'), 'persons'),
    devices: limited(childrenNamed(root, DATA_MODEL_NS, 'device'), 'devices'),
  };
}

/** The person's activities are what the user says, tuples and devices what the machine says. */
function readStates({ tuples, persons, devices }: Presence): StateInstance[] {
  const open = isOpen(tuples);
  const stated = stateOfActivities(persons.flatMap(activityNames));
  const speakers = [...tuples, ...persons, ...devices];
  const atWork = machine(isIdle(speakers) ? AVAILABILITY.availableIdle : AVAILABILITY.available);
  if (stated && open === false)
    return [{ category: 'state', ...stated, availability: closedTo(stated) }, atWork];
  if (stated) return [{ category: 'state', ...stated }, atWork];
  if (open === false) return [machine(AVAILABILITY.offline)];
  return speakers.length === 0 ? [] : [atWork];
}

/**
 * Someone who says what they do and takes no messages does not want to be disturbed. linphone 5 publishes exactly this for
 * "do not disturb", with the activity `away`. Longer absences stay what they are.
 */
function closedTo({ availability, activity }: State): number {
  const merelyAway = availability === AVAILABILITY.away && activity === undefined;
  return merelyAway ? AVAILABILITY.doNotDisturb : Math.max(availability, AVAILABILITY.doNotDisturb);
}

function machine(availability: number): StateInstance {
  return { category: 'state', type: 'machineState', availability };
}

/** RFC 3863 4.1.4: one open tuple is enough to be reached. Undefined where no tuple has a value of this specification. */
function isOpen(tuples: Element[]): boolean | undefined {
  const values = tuples.map(basicOf);
  if (values.includes('open')) return true;
  return values.includes('closed') ? false : undefined;
}

function basicOf(tuple: Element): string | undefined {
  const [status] = childrenNamed(tuple, PIDF_NS, 'status');
  return status && childrenNamed(status, PIDF_NS, 'basic')[0]?.text.trim();
}

function activityNames(person: Element): string[] {
  const activities = childrenNamed(person, RPID_NS, 'activities').flatMap(({ children }) => children);
  return activities.map(({ name }) => name);
}

/** RFC 4480 3.14: whoever is active on one device is not idle. */
function isIdle(elements: Element[]): boolean {
  const inputs = elements
    .flatMap((one) => childrenNamed(one, RPID_NS, 'user-input'))
    .map(({ text }) => text.trim());
  return inputs.includes('idle') && !inputs.includes('active');
}

function readNotes({ root, tuples, persons }: Presence): NoteInstance[] {
  const activities = persons.flatMap((person) => childrenNamed(person, RPID_NS, 'activities'));
  const elements = [
    ...activities.flatMap((one) => childrenNamed(one, RPID_NS, 'note')),
    ...persons.flatMap((one) => childrenNamed(one, DATA_MODEL_NS, 'note')),
    // linphone puts the notes of PIDF into persons as well.
    ...[...persons, root, ...tuples].flatMap((one) => childrenNamed(one, PIDF_NS, 'note')),
  ];
  const notes = distinct(
    limited(elements, 'notes')
      .map(readNote)
      .filter(({ text }) => text !== ''),
  );
  return notes.length === 0 ? [] : [{ category: 'note', notes }];
}

function readNote(element: Element): Note {
  const text = element.text.trim();
  if (text.length > MAX_NOTE_LENGTH) throw new XmlError('note too long');
  const lang = element.attributes.get('xml:lang');
  return lang !== undefined && /^[A-Za-z0-9-]{1,35}$/.test(lang) ? { text, lang } : { text };
}

function distinct(notes: Note[]): Note[] {
  return notes.filter(
    (note, at) => notes.findIndex(({ text, lang }) => text === note.text && lang === note.lang) === at,
  );
}

function readService(tuple: Element): ServiceInstance[] {
  const [element] = childrenNamed(tuple, PIDF_NS, 'contact');
  const contact = uriIn(element);
  if (contact === undefined) return [];
  const priority = element?.attributes.get('priority');
  // RFC 3863 4.1.5: a decimal from 0 to 1 with at most three digits after the point.
  const isPriority = priority !== undefined && /^(0(\.\d{0,3})?|1(\.0{0,3})?)$/.test(priority);
  return [
    { category: 'services', contact, open: basicOf(tuple) === 'open', ...(isPriority ? { priority } : {}) },
  ];
}

function readDevice(device: Element): DeviceInstance[] {
  const id = uriIn(childrenNamed(device, DATA_MODEL_NS, 'deviceID')[0]);
  return id === undefined ? [] : [{ category: 'device', id, idle: isIdle([device]) }];
}

function uriIn(element: Element | undefined): string | undefined {
  const uri = element?.text.trim() ?? '';
  if (uri.length > MAX_URI_LENGTH) throw new XmlError('URI too long');
  return /^[A-Za-z][A-Za-z0-9+.-]*:\S+$/.test(uri) ? uri : undefined;
}

function limited(elements: Element[], what: string): Element[] {
  if (elements.length > MAX_ITEMS) throw new XmlError(`too many ${what}`);
  return elements;
}
