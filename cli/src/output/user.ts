import type { Place, State, UserDescription } from '../commands/describe.ts';
import { harmless } from './harmless.ts';
import { table } from './table.ts';

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
  const { name, spec, version, place, state, why } = user;
  return [
    ...pairs({ name, version, ...spec }),
    ...(place === undefined ? [] : describePlace(place)),
    ...(state === undefined ? pairs({ state: `unknown: ${why}` }) : describeState(state)),
  ].join('\n');
}

const describePlace = ({ group, owner, term, secondaries, why }: Place): string[] =>
  pairs({
    group,
    owner: owner === '' ? 'nobody' : `${owner}, term ${term}`,
    secondaries: secondaries.join(', ') || 'none',
    why,
  });

/** Which pods pass on what the user's clients say, because their connections end there. */
function relayedBy({ endpoints, servedBy }: State): string[] {
  const others = endpoints.filter(({ pod }) => pod !== servedBy).map(({ pod }) => pod);
  if (others.length === 0) return [];
  const pods = [...new Set(others)].sort().join(', ');
  const which = `${others.length} of ${endpoints.length} endpoints`;
  return pairs({
    relayed: `${which}, because they are connected to ${pods} and ${servedBy} serves the user`,
  });
}

function describeState(state: State): string[] {
  const { availability, activity, note, watchers, servedBy, endpoints } = state;
  const summary = `${availabilityName(availability)} (${availability})${activity && `, ${activity}`}`;
  return [
    ...pairs({ servedBy, presence: summary, ...(note && { note }), watchers, endpoints: endpoints.length }),
    ...relayedBy(state),
    ...(endpoints.length > 0 ? ['', endpointTable(endpoints)] : []),
  ];
}

const endpointTable = (endpoints: State['endpoints']): string =>
  table(
    ['CONTACT', 'TRANSPORT', 'CONNECTED TO', 'FLOW', 'EXPIRES', 'USER AGENT'],
    endpoints.map(({ contact, transport, pod, flow, expires, userAgent }) => [
      contact,
      transport,
      pod,
      flow || '-',
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
