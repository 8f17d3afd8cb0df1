import { describe, expect, test } from 'vitest';
import { aggregate, sameEndpoint } from '../src/presence/aggregation.ts';
import { AVAILABILITY, availabilityClass, idleVariant } from '../src/presence/availability.ts';
import {
  CONTAINER,
  type EndpointState,
  type Instance,
  PUBLISHED_INTO,
  type StateType,
} from '../src/presence/categories.ts';

describe('availability', () => {
  test.each([
    [0, 'available'],
    [3500, 'available'],
    [4499, 'available'],
    [4500, 'availableIdle'],
    [5999, 'availableIdle'],
    [6000, 'busy'],
    [7499, 'busy'],
    [7500, 'busyIdle'],
    [8999, 'busyIdle'],
    [9000, 'doNotDisturb'],
    [11999, 'doNotDisturb'],
    [12000, 'beRightBack'],
    [14999, 'beRightBack'],
    [15000, 'away'],
    [17999, 'away'],
    [18000, 'offline'],
    [18500, 'offline'],
  ])('%d is %s', (value, name) => expect(availabilityClass(value)).toBe(name));

  test('the canonical numbers are of the class they name', () => {
    for (const [name, value] of Object.entries(AVAILABILITY)) expect(availabilityClass(value)).toBe(name);
  });

  test('only Available and Busy have an idle variant', () => {
    expect([3500, 6500, 9500, 12500, 15500, 18500].map(idleVariant)).toEqual([
      5000, 7500, 9500, 12500, 15500, 18500,
    ]);
  });
});

const desk = { contact: 'sip:alice@192.0.2.1', instance: 'urn:uuid:desk' };
const phone = { contact: 'sip:alice@192.0.2.2', instance: 'urn:uuid:phone' };

const state = (type: StateType, availability: number, activity?: string): Instance => ({
  category: 'state',
  type,
  availability,
  ...(activity === undefined ? {} : { activity }),
  containers: PUBLISHED_INTO,
});
const machine = (availability: number): Instance => state('machineState', availability);
const user = (availability: number, activity?: string): Instance =>
  state('userState', availability, activity);
const note = (text: string): Instance => ({
  category: 'note',
  notes: [{ text }],
  containers: PUBLISHED_INTO,
});

const published = (
  publishedAt: number,
  endpoint: typeof desk | undefined,
  ...instances: Instance[]
): EndpointState => ({
  publishedAt,
  instances,
  ...(endpoint ? { endpoint } : {}),
});

const merged = (publications: EndpointState[], registered: (typeof desk)[] = []) =>
  aggregate({ publications, registered }, CONTAINER.aggregation);

describe('aggregation', () => {
  const rows: [
    name: string,
    publications: EndpointState[],
    registered: (typeof desk)[],
    availability: number,
    activity: string,
  ][] = [
    ['nobody registered, nothing published', [], [], 18500, 'offline'],
    ['registered without publication', [], [desk], 3500, 'available'],
    ['published but not registered', [published(1, desk, machine(3500))], [], 3500, 'available'],
    ['closed by the only endpoint', [published(1, desk, machine(18500))], [desk], 18500, 'offline'],
    [
      'closed by one, the other silent',
      [published(1, desk, machine(18500))],
      [desk, phone],
      3500,
      'available',
    ],
    [
      'a note alone does not speak for the machine',
      [published(1, desk, note('hi'))],
      [desk],
      3500,
      'available',
    ],
    [
      'most available machine',
      [published(1, desk, machine(5000)), published(2, phone, machine(18500))],
      [],
      5000,
      'idle',
    ],
    [
      'one machine idle, the other not',
      [published(1, desk, machine(5000)), published(2, phone, machine(3500))],
      [],
      3500,
      'available',
    ],
    [
      'user state beats machine state',
      [published(1, desk, user(15500), machine(3500)), published(2, phone, machine(3500))],
      [phone],
      15500,
      'away',
    ],
    [
      'newest user state wins',
      [published(5, desk, user(6500)), published(9, phone, user(9500)), published(7, undefined, user(15500))],
      [],
      9500,
      'do-not-disturb',
    ],
    [
      'of two in one millisecond, the later',
      [published(5, desk, user(6500)), published(5, phone, user(9500))],
      [],
      9500,
      'do-not-disturb',
    ],
    [
      'user set Available is a user state',
      [published(1, desk, user(6500)), published(2, phone, user(3500))],
      [],
      3500,
      'available',
    ],
    ['busy and idle', [published(1, desk, user(6500), machine(5000))], [], 7500, 'busy-idle'],
    [
      'do not disturb has no idle variant',
      [published(1, desk, user(9500), machine(5000))],
      [],
      9500,
      'do-not-disturb',
    ],
    [
      'on the phone',
      [published(1, desk, state('phoneState', 6500, 'on-the-phone'), machine(3500))],
      [],
      6500,
      'on-the-phone',
    ],
    [
      'on the phone is not idle',
      [published(1, desk, state('phoneState', 6500, 'on-the-phone'), machine(5000))],
      [],
      6500,
      'on-the-phone',
    ],
    [
      'in a meeting and idle',
      [published(1, desk, state('calendarState', 6500, 'meeting'), machine(5000))],
      [],
      7500,
      'meeting',
    ],
    [
      'user state beats the telephone',
      [published(9, desk, state('phoneState', 6500, 'on-the-phone')), published(1, phone, user(9500))],
      [],
      9500,
      'do-not-disturb',
    ],
    ['appear offline', [published(1, desk, user(18500), machine(3500))], [desk, phone], 18500, 'offline'],
    [
      'the older publication of one endpoint',
      [published(1, desk, machine(3500)), published(2, desk, machine(18500))],
      [],
      18500,
      'offline',
    ],
  ];
  test.each(rows)('%s', (_name, publications, registered, availability, activity) => {
    expect(merged(publications, registered)).toMatchObject({ availability, activity });
  });

  test('takes the notes of the newest publication that has some', () => {
    const publications = [
      published(1, desk, note('old')),
      published(3, phone, machine(3500)),
      published(2, undefined, note('new')),
    ];
    expect(merged(publications).notes).toEqual([{ text: 'new' }]);
  });

  test('tells since when, but not of someone who is offline', () => {
    expect(merged([published(7, desk, user(15500))]).since).toBe(7);
    expect(merged([published(7, desk, user(18500))])).not.toHaveProperty('since');
    expect(merged([published(7, desk, machine(18500))])).not.toHaveProperty('since');
  });

  test('reads one container only', () => {
    const inWorkgroupOnly: Instance = { ...user(9500), containers: [CONTAINER.workgroupAggregation] };
    const input = { publications: [published(1, desk, inWorkgroupOnly, machine(3500))], registered: [] };
    expect(aggregate(input, CONTAINER.aggregation).availability).toBe(3500);
    expect(aggregate(input, CONTAINER.workgroupAggregation).availability).toBe(9500);
  });

  test('does not depend on the order of what it is given', () => {
    const publications = [
      published(5, desk, user(6500)),
      published(9, phone, user(9500)),
      published(7, undefined, note('x')),
    ];
    expect(merged(publications.toReversed(), [phone, desk])).toEqual(merged(publications, [desk, phone]));
  });
});

describe('sameEndpoint()', () => {
  test('goes by the instance where both have one, else by the contact', () => {
    expect(sameEndpoint(desk, { ...desk, contact: 'sip:new@192.0.2.9' })).toBe(true);
    expect(sameEndpoint(desk, { ...phone, contact: desk.contact })).toBe(false);
    expect(sameEndpoint(desk, { contact: desk.contact })).toBe(true);
    expect(sameEndpoint(desk, { contact: phone.contact })).toBe(false);
  });
});
