/** The numbers that Lync publishes; a value in between belongs to the class whose number is the next one below or equal. */
export const AVAILABILITY = {
  available: 3500,
  availableIdle: 5000,
  busy: 6500,
  busyIdle: 7500,
  doNotDisturb: 9500,
  beRightBack: 12500,
  away: 15500,
  offline: 18500,
} as const;

export type AvailabilityClass = keyof typeof AVAILABILITY;

/** First number of each class ([MS-PRES] state/availability), least available first. */
const bounds: readonly [from: number, name: AvailabilityClass][] = [
  [18000, 'offline'],
  [15000, 'away'],
  [12000, 'beRightBack'],
  [9000, 'doNotDisturb'],
  [7500, 'busyIdle'],
  [6000, 'busy'],
  [4500, 'availableIdle'],
  [0, 'available'],
];

export function availabilityClass(availability: number): AvailabilityClass {
  return bounds.find(([from]) => availability >= from)?.[1] ?? 'available';
}

/** What stands for a state that names no activity of its own. */
export const defaultActivity: Readonly<Record<AvailabilityClass, string>> = {
  available: 'available',
  availableIdle: 'idle',
  busy: 'busy',
  busyIdle: 'busy-idle',
  doNotDisturb: 'do-not-disturb',
  beRightBack: 'be-right-back',
  away: 'away',
  offline: 'offline',
};

/** The same availability of someone who does not touch the machine; only Available and Busy have such a variant. */
export function idleVariant(availability: number): number {
  switch (availabilityClass(availability)) {
    case 'available':
      return AVAILABILITY.availableIdle;
    case 'busy':
      return AVAILABILITY.busyIdle;
    default:
      return availability;
  }
}
