// Lync publishes presence as instances of categories (state, note, device ...) into numbered containers. A container is
// both a set of readers and what they may read. All of it is plain JSON, as it lives in the store.

/** [MS-PRES] 2.2: whose statement a state is; decides its weight when states are aggregated. */
export type StateType = 'userState' | 'machineState' | 'phoneState' | 'calendarState';

export interface State {
  availability: number;
  /** Activity token, for example `on-the-phone`; absent when the availability says it all. */
  activity?: string;
}

export interface Note {
  text: string;
  /** xml:lang */
  lang?: string;
}

export interface StateInstance extends State {
  category: 'state';
  type: StateType;
}

export interface NoteInstance {
  category: 'note';
  notes: Note[];
}

/** A way to reach the presentity, with the word of its endpoint whether it is open. */
export interface ServiceInstance {
  category: 'services';
  contact: string;
  open: boolean;
  /** PIDF contact priority as written, 0 to 1 with up to three decimals. */
  priority?: string;
}

export interface DeviceInstance {
  category: 'device';
  /** A URN (RFC 4479 3.3). */
  id: string;
  idle: boolean;
}

export type Instance = (StateInstance | NoteInstance | ServiceInstance | DeviceInstance) & {
  containers: readonly number[];
};

/** How an endpoint is recognised again when its flow and its entity tag are gone. */
export interface EndpointKey {
  /** The Contact URI of its binding. */
  contact: string;
  /** +sip.instance of its binding. */
  instance?: string;
}

/** What one endpoint published last. */
export interface EndpointState {
  /** Absent when the publisher is not known among the registered endpoints. */
  endpoint?: EndpointKey;
  /** Milliseconds since the epoch at which it began to say this; a refresh does not move it. */
  publishedAt: number;
  instances: Instance[];
}

/** The merged state of all endpoints ([MS-PRES] aggregateState), which watchers read. */
export interface AggregateState {
  availability: number;
  activity: string;
  notes: Note[];
  services: Omit<ServiceInstance, 'category'>[];
  devices: Omit<DeviceInstance, 'category'>[];
  /** Milliseconds since the epoch of the publication that decided the state; absent when no publication did. */
  since?: number;
}

export const CONTAINER = {
  default: 0,
  self: 1,
  /** Input of the aggregation for External, Colleagues, and Friends and Family. */
  aggregation: 2,
  /** Input of the aggregation for Workgroup. */
  workgroupAggregation: 3,
  external: 100,
  colleagues: 200,
  workgroup: 300,
  friendsAndFamily: 400,
  blocked: 32000,
} as const;

/** PIDF has no containers, so what it says goes into both aggregation inputs, as the Lync client does with its states. */
export const PUBLISHED_INTO: readonly number[] = [CONTAINER.aggregation, CONTAINER.workgroupAggregation];

export type ReadableCategory = 'contactCard' | Instance['category'];

const everything: readonly ReadableCategory[] = ['contactCard', 'state', 'note', 'services', 'device'];
const shared: readonly ReadableCategory[] = ['contactCard', 'state', 'note'];

const readable: ReadonlyMap<number, readonly ReadableCategory[]> = new Map([
  [CONTAINER.self, everything],
  // Lync shows notes from Colleagues on; External sees whether one can be reached, and no more.
  [CONTAINER.external, ['contactCard', 'state']],
  [CONTAINER.colleagues, shared],
  [CONTAINER.workgroup, shared],
  [CONTAINER.friendsAndFamily, shared],
  [CONTAINER.blocked, ['contactCard', 'state']],
]);

/** Whether members of a container read this category. The default container, and those nobody publishes into, hold the identity alone. */
export function mayRead(container: number, category: ReadableCategory): boolean {
  return readable.get(container)?.includes(category) ?? category === 'contactCard';
}

/** The aggregation input that the state in this container is made from. */
export function aggregationInput(container: number): number {
  return container === CONTAINER.workgroup ? CONTAINER.workgroupAggregation : CONTAINER.aggregation;
}
