// RPID activities (RFC 4480 3.2) and the Lync states that they stand for, in both directions.
import { AVAILABILITY, type AvailabilityClass } from './availability.ts';
import type { State, StateType } from './categories.ts';

interface Meaning {
  availability: number;
  type: StateType;
}

const user = (availability: number): Meaning => ({ availability, type: 'userState' });
const { available, busy, doNotDisturb, beRightBack, away, offline } = AVAILABILITY;

const meanings: ReadonlyMap<string, Meaning> = new Map([
  ['appointment', { availability: busy, type: 'calendarState' }],
  ['meeting', { availability: busy, type: 'calendarState' }],
  ['on-the-phone', { availability: busy, type: 'phoneState' }],
  ['busy', user(busy)],
  ['playing', user(busy)],
  ['spectator', user(busy)],
  ['steering', user(busy)],
  ['working', user(busy)],
  ['looking-for-work', user(available)],
  ['shopping', user(away)],
  ['tv', user(away)],
  // What one does not interrupt.
  ['performance', user(doNotDisturb)],
  ['presentation', user(doNotDisturb)],
  ['worship', user(doNotDisturb)],
  ['away', user(away)],
  ['breakfast', user(away)],
  ['dinner', user(away)],
  ['holiday', user(away)],
  ['in-transit', user(away)],
  ['meal', user(away)],
  ['sleeping', user(away)],
  ['travel', user(away)],
  ['vacation', user(away)],
  ['permanent-absence', user(offline)],
  // Not in RFC 4480, but sent: states that RPID has no word for.
  ['be-right-back', user(beRightBack)],
  ['brb', user(beRightBack)],
  ['do-not-disturb', user(doNotDisturb)],
  ['dnd', user(doNotDisturb)],
]);

/** Tokens that say no more than the availability does. */
const plain: ReadonlySet<string> = new Set([
  'busy',
  'away',
  'be-right-back',
  'brb',
  'do-not-disturb',
  'dnd',
  'permanent-absence',
]);

/**
 * The state that a person's activities add up to: of several the least available, and of equal ones the most telling. Activities
 * without a meaning here (`other`, `unknown`) are left out; undefined when none remains.
 */
export function stateOfActivities(activities: readonly string[]): (State & { type: StateType }) | undefined {
  const stated = activities.flatMap((name) => {
    const meaning = meanings.get(name);
    return meaning ? [{ ...meaning, ...(plain.has(name) ? {} : { activity: name }) }] : [];
  });
  return stated.sort((a, b) => b.availability - a.availability || telling(b) - telling(a))[0];
}

const telling = ({ activity }: State): number => (activity === undefined ? 0 : 1);

/** RFC 4480 names, without those that a foreign watcher would not know. */
const shown: Readonly<Record<AvailabilityClass, readonly string[]>> = {
  available: [],
  availableIdle: [],
  busy: ['busy'],
  busyIdle: ['busy'],
  // With a closed tuple, which tells it from Busy: what linphone shows as "do not disturb".
  doNotDisturb: ['busy'],
  beRightBack: ['away'],
  away: ['away'],
  offline: [],
};

/**
 * The elements to write, the most telling first. The general word always follows: baresip knows `away`, `busy` and
 * `on-the-phone` only.
 */
export function activitiesFor(availability: AvailabilityClass, activity: string): string[] {
  const general = shown[availability];
  return meanings.has(activity) && !plain.has(activity) && general.length > 0
    ? [activity, ...general]
    : [...general];
}
