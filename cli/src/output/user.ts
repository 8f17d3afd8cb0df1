import type { UserDescription } from '../commands/describe.ts';
import { harmless } from './harmless.ts';
import { table } from './table.ts';

type State = NonNullable<UserDescription['state']>;

/** MS-PRES aggregated availability: where each range begins. */
const AVAILABILITY: [from: number, name: string][] = [
  [18000, 'offline'],
  [15000, 'away'],
  [12000, 'be right back'],
  [9000, 'do not disturb'],
  [7500, 'busy, idle'],
  [6000, 'busy'],
  [4500, 'available, idle'],
  [3000, 'available'],
];

export function userDescription(user: UserDescription): string {
  const { name, spec, version, state, why } = user;
  return [
    ...pairs({ name, version, ...spec }),
    ...(state === undefined ? pairs({ state: `unknown: ${why}` }) : describeState(state)),
  ].join('\n');
}

function describeState(state: State): string[] {
  const { availability, activity, note, watchers, servedBy, endpoints } = state;
  const summary = `${availabilityName(availability)} (${availability})${activity && `, ${activity}`}`;
  return [
    ...pairs({ servedBy, presence: summary, ...(note && { note }), watchers, endpoints: endpoints.length }),
    ...(endpoints.length > 0 ? ['', endpointTable(endpoints)] : []),
  ];
}

const endpointTable = (endpoints: State['endpoints']): string =>
  table(
    ['CONTACT', 'TRANSPORT', 'FROM', 'EXPIRES', 'USER AGENT'],
    endpoints.map(({ contact, transport, flow, expires, userAgent }) => [
      contact,
      transport,
      flow === '' ? 'inside' : flow,
      `${expires} s`,
      userAgent,
    ]),
  );

const availabilityName = (availability: number): string =>
  AVAILABILITY.find(([from]) => availability >= from)?.[1] ?? 'unknown';

const pairs = (values: Record<string, unknown>): string[] =>
  Object.entries(values).map(([key, value]) => {
    const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
    return `${`${key}:`.padEnd(14)} ${harmless(text)}`;
  });
