// What the aggregation script of Lync does: one state out of those that the endpoints of a user publish.
import { AVAILABILITY, availabilityClass, defaultActivity, idleVariant } from './availability.ts';
import type {
  AggregateState,
  EndpointKey,
  EndpointState,
  Instance,
  State,
  StateInstance,
  StateType,
} from './categories.ts';

export interface AggregationInput {
  publications: readonly EndpointState[];
  /** Endpoints that are registered, whether they publish or not. */
  registered: readonly EndpointKey[];
}

/** What is read in `container`, one of the two aggregation inputs. */
export function aggregate(input: AggregationInput, container: number): AggregateState {
  const publications = newestFirst(input.publications.map((one) => within(one, container)));
  const machine = machineState(publications, input.registered);
  const stated = statedBy(publications);
  const availability = merge(stated, machine);
  const devices = publications.flatMap(({ instances }) => instances.filter(isCategory('device')));
  return {
    availability,
    activity: activityOf(availability, stated),
    notes: publications.flatMap(({ instances }) => instances.find(isCategory('note')) ?? [])[0]?.notes ?? [],
    services: publications
      .flatMap(({ instances }) => instances.filter(isCategory('services')))
      .map(plainService),
    devices: devices.map(({ id, idle }) => ({ id, idle })),
    ...since(availability, stated ?? publications[0]),
  };
}

/** Whether two keys mean one endpoint: the instance survives a new contact (RFC 5626 4.1), so it is asked first. */
export function sameEndpoint(one: EndpointKey, other: EndpointKey): boolean {
  if (one.instance !== undefined && other.instance !== undefined) return one.instance === other.instance;
  return one.contact === other.contact;
}

type Stated = StateInstance & { publishedAt: number };

/**
 * The newest state that a user set; only without one the busiest of calendar and telephone. Undefined when nobody says
 * more than that a machine is there.
 */
function statedBy(newest: readonly EndpointState[]): Stated | undefined {
  const user = statesOf(newest, 'userState')[0];
  if (user) return user;
  const observed = [...statesOf(newest, 'phoneState'), ...statesOf(newest, 'calendarState')];
  return observed.sort((a, b) => b.availability - a.availability)[0];
}

/** The most available machine: the user is where the keys are pressed. */
function machineState(newest: readonly EndpointState[], registered: readonly EndpointKey[]): number {
  const speaking = newest.filter((one, at) => !isSuperseded(one, newest.slice(0, at)));
  const published = statesOf(speaking, 'machineState').map(({ availability }) => availability);
  const isSilent = (key: EndpointKey) => !speaking.some((one) => speaksFor(one, key));
  const silent = registered.filter(isSilent).map(() => AVAILABILITY.available);
  return Math.min(...published, ...silent, AVAILABILITY.offline);
}

/** An endpoint that restarts without taking its old publication back has two for a while; the newer one counts. */
function isSuperseded({ endpoint }: EndpointState, newer: readonly EndpointState[]): boolean {
  return endpoint !== undefined && newer.some((one) => one.endpoint && sameEndpoint(one.endpoint, endpoint));
}

function speaksFor({ endpoint, instances }: EndpointState, key: EndpointKey): boolean {
  return endpoint !== undefined && sameEndpoint(endpoint, key) && instances.some(isMachineState);
}

/** A telephone call is no sign of life at the machine, and its absence none of idleness: it has no idle variant. */
function merge(stated: StateInstance | undefined, machine: number): number {
  if (!stated) return machine;
  const idle = availabilityClass(machine) === 'availableIdle' && stated.type !== 'phoneState';
  return idle ? idleVariant(stated.availability) : stated.availability;
}

function activityOf(availability: number, stated: State | undefined): string {
  return stated?.activity ?? defaultActivity[availabilityClass(availability)];
}

/** An offline presentity gives no time: when someone left is not told, and a blocked watcher sees the same bytes. */
function since(availability: number, from: { publishedAt: number } | undefined): { since?: number } {
  const offline = availabilityClass(availability) === 'offline';
  return offline || from === undefined ? {} : { since: from.publishedAt };
}

function newestFirst(publications: readonly EndpointState[]): EndpointState[] {
  // toSorted is stable, so of two in the same millisecond the later one must stand first beforehand.
  return publications.toReversed().toSorted((a, b) => b.publishedAt - a.publishedAt);
}

function within(publication: EndpointState, container: number): EndpointState {
  return {
    ...publication,
    instances: publication.instances.filter(({ containers }) => containers.includes(container)),
  };
}

function statesOf(publications: readonly EndpointState[], type: StateType): Stated[] {
  return publications.flatMap(({ instances, publishedAt }) =>
    instances
      .filter(isCategory('state'))
      .flatMap((one) => (one.type === type ? { ...one, publishedAt } : [])),
  );
}

const isCategory =
  <C extends Instance['category']>(category: C) =>
  (instance: Instance): instance is Extract<Instance, { category: C }> =>
    instance.category === category;

const isMachineState = (instance: Instance): boolean =>
  instance.category === 'state' && instance.type === 'machineState';

function plainService({ contact, open, priority }: { contact: string; open: boolean; priority?: string }) {
  return { contact, open, ...(priority === undefined ? {} : { priority }) };
}
