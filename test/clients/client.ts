// A SIP client as a well-behaved product is one: it keeps itself signed in, and tries again before its user sees an error.
import { setTimeout as wait } from 'node:timers/promises';
import { newCallId, newTag, SipRequest, SipResponse } from '@linchpin/sip';
import { backOffMs, createConnection } from './connection.ts';
import { createCredentials } from './credentials.ts';
import type { ClientFlow } from './flow.ts';
import { defaultPatience, type Outcome, type Patience, perform, type Requester } from './perform.ts';
import { createPublication, type Publication } from './publication.ts';
import { createRegistration } from './registration.ts';
import type { Stack } from './stack.ts';
import { createSubscription, type Subscription } from './subscription.ts';
import type { Way } from './way.ts';

/** What whoever watches the client is told. */
export interface ClientEvents {
  /** Every request that a person would see the end of. */
  onOutcome(outcome: Outcome): void;
  /** Service is gone; `since` is performance.now(). */
  onLost(user: string, why: string, since: number): void;
  /** A request of the user's own got its answer. */
  onServed(user: string): void;
  /** Each request that comes, before it is answered. */
  onRequest(request: SipRequest): void;
  onMessage(user: string, text: string, request: SipRequest): void;
  onNote(user: string, target: string, note: string): void;
  /** A NOTIFY with a number that was there already, as from a second server. */
  onOutOfOrder(user: string, target: string): void;
}

export interface ClientOptions {
  user: string;
  password: string;
  way: Way;
  stack: Stack;
  events?: Partial<ClientEvents>;
  patience?: Partial<Patience>;
  /** Seconds that a registration is asked for; over UDP, where no connection tells of its end, ask for little. */
  expires?: number;
}

export interface Client {
  readonly user: string;
  readonly way: Way;
  readonly signedIn: boolean;
  readonly reconnects: number;
  readonly subscriptions: ReadonlyMap<string, Subscription>;
  readonly publication: Publication;
  /** Resolves with the outcome of the first sign-in; from then on the client keeps itself signed in. */
  signIn(): Promise<Outcome>;
  /** A sign-in anew on another connection, before the one there is ends. Undefined while it connects anyway. */
  signInAgain(): Promise<Outcome | undefined>;
  message(to: string, text: string): Promise<Outcome>;
  publish(note: string): Promise<Outcome>;
  watch(target: string): Promise<Outcome>;
  signOut(): Promise<void>;
  /** Without a word to the server, as when the machine dies. */
  vanish(): void;
}

export function createClient(options: ClientOptions): Client {
  const { user, way, stack, events = {}, expires = 600 } = options;
  const [name = ''] = user.split('@');
  const credentials = createCredentials(name, options.password);
  const by: Requester = { user, stack, credentials, patience: { ...defaultPatience, ...options.patience } };
  const subscriptions = new Map<string, Subscription>();
  const first = Promise.withResolvers<Outcome>();
  let lastSignIn: Outcome | undefined;
  let refreshing: NodeJS.Timeout | undefined;

  const onSetback = (why: string, since: number): void => events.onLost?.(user, why, since);
  const registration = createRegistration(by, onSetback);
  const routes = () => registration.serviceRoute;
  const contact = (flow: ClientFlow): string => `<sip:${name}@${flow.sentBy};transport=${flow.transport};ob>`;

  function answer(request: SipRequest): SipResponse {
    events.onRequest?.(request);
    if (request.method === 'NOTIFY') return notified(request);
    if (request.method === 'MESSAGE')
      events.onMessage?.(user, Buffer.from(request.body).toString('utf8'), request);
    return SipResponse.to(request, request.method === 'INVITE' ? 486 : 200);
  }

  function notified(request: SipRequest): SipResponse {
    for (const subscription of subscriptions.values()) {
      const response = subscription.notified(request);
      if (response !== undefined) return response;
    }
    return SipResponse.to(request, 481);
  }

  function told(outcome: Outcome): Outcome {
    if (outcome.ok) events.onServed?.(user);
    events.onOutcome?.(outcome);
    return outcome;
  }

  /** A connection that ends before the sign-in is answered is followed by another one, as long as its user may wait. */
  let signIn: { begun: number; setbacks: string[] } | undefined;
  async function admit(flow: ClientFlow): Promise<number> {
    signIn ??= { begun: performance.now(), setbacks: [] };
    const outcome = await registration.over(flow, expires);
    const setbacks = [...signIn.setbacks, ...outcome.setbacks];
    const milliseconds = performance.now() - signIn.begun;
    if (!outcome.ok && flow.closed && milliseconds < by.patience.giveUp) {
      signIn.setbacks = [...setbacks, outcome.why ?? ''];
      throw new Error(`sign-in: ${outcome.why}`);
    }
    signIn = undefined;
    lastSignIn = told({ ...outcome, setbacks, attempts: setbacks.length + 1, milliseconds });
    first.resolve(lastSignIn);
    if (!lastSignIn.ok) throw new Error(`sign-in: ${lastSignIn.why}`);
    return registration.flowTimer;
  }

  // At half to four fifths of its time, so that one that fails can be tried again (RFC 5626 4.4).
  function refreshIn(seconds: number): void {
    clearTimeout(refreshing);
    refreshing = setTimeout(() => void refresh(), seconds * 1000 * (0.5 + Math.random() * 0.3));
  }

  async function refresh(): Promise<void> {
    const flow = connection.current;
    if (flow === undefined) return;
    const outcome = await registration.over(flow, expires);
    // The next connection signs in anyway.
    if (flow.closed) return;
    if (told(outcome).ok) refreshIn(registration.granted);
    else flow.close('the registration could not be refreshed');
  }

  const connection = createConnection({
    open: () => stack.open(way, answer),
    admit,
    onLost: (why) => events.onLost?.(user, `connection: ${why}`, performance.now()),
    onUp() {
      refreshIn(registration.granted);
      // Their dialogs and the publication live on; the server has to learn of the new flow.
      for (const subscription of subscriptions.values()) void subscription.refresh();
      if (publication.note !== undefined) void publication.publish(publication.note).then(told);
    },
  });
  const flow = (until: number): Promise<ClientFlow> => connection.flow(until);
  const publication = createPublication({ by, flow, routes, onSetback });

  return {
    user,
    way,
    subscriptions,
    publication,
    get signedIn() {
      return connection.current !== undefined;
    },
    get reconnects() {
      return connection.reconnects;
    },
    signIn() {
      connection.start();
      return first.promise;
    },
    async signInAgain() {
      for (let again = 0; ; again++) {
        const renewed = await connection.renew().catch(() => 'failed' as const);
        if (renewed === false) return undefined;
        if (renewed === true) return lastSignIn;
        // It may have been applied though nobody said so: the connection that is left is to be the endpoint again.
        if (signIn === undefined) {
          void refresh();
          return lastSignIn;
        }
        await wait(backOffMs(again));
      }
    },
    async message(to, text) {
      const callId = newCallId();
      const tag = newTag();
      let cseq = 0;
      const make = () =>
        SipRequest.create(
          'MESSAGE',
          `sip:${to}`,
          [
            ...routes().map((route): [string, string] => ['Route', route]),
            ['Max-Forwards', '70'],
            ['From', `<sip:${user}>;tag=${tag}`],
            ['To', `<sip:${to}>`],
            ['Call-ID', callId],
            ['CSeq', `${++cseq} MESSAGE`],
            ['Content-Type', 'text/plain'],
          ],
          Buffer.from(text),
        );
      // Whoever is away for a moment may be back before anybody sees an error.
      const setback = (why: string, since: number): void => {
        if (!why.startsWith('480')) onSetback(why, since);
      };
      return told(await perform({ what: 'message', make, flow, again: [480], onSetback: setback }, by));
    },
    publish: async (note) => told(await publication.publish(note)),
    watch(target) {
      const subscription = createSubscription({
        by,
        target,
        flow,
        routes,
        contact,
        current: () => connection.current,
        onSetback,
        onNote: (note) => events.onNote?.(user, target, note),
        onOutOfOrder: () => events.onOutOfOrder?.(user, target),
        onOutcome: told,
      });
      subscriptions.set(target, subscription);
      return subscription.refresh();
    },
    async signOut() {
      clearTimeout(refreshing);
      for (const subscription of subscriptions.values()) subscription.close();
      const last = connection.current;
      if (last !== undefined) await registration.over(last, 0);
      connection.close();
    },
    vanish() {
      clearTimeout(refreshing);
      for (const subscription of subscriptions.values()) subscription.close();
      connection.close();
    },
  };
}
