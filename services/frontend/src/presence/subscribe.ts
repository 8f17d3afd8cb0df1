// SUBSCRIBE for presence (RFC 6665, RFC 3856): who watches whom.
import {
  acceptInDialog,
  createSubscription,
  type EventHeader,
  grantExpires,
  type NameAddr,
  newTag,
  type SipRequest,
  SipUri,
  sameEvent,
  uasDialog,
} from '@linchpin/sip';
import type { EffectiveUser } from '@linchpin/topology';
import { Refused } from '../refused.ts';
import type { Call } from '../signaling/call.ts';
import { presenceEvent } from './event.ts';
import { PIDF_TYPE } from './pidf-writer.ts';
import type { Presentities } from './presentities.ts';
import { createWatch, type Watch, type WatchRecord } from './watch.ts';
import type { WatchStore } from './watch-store.ts';
import type { Watches } from './watches.ts';

export interface SubscribeParts {
  presentities: Pick<Presentities, 'enabled' | 'containerFor'>;
  store: Pick<WatchStore, 'get' | 'of' | 'by'>;
  watches: Watches;
  contactFor(flow: Call['flow']): string;
  now(): number;
}

/**
 * Dialogs that one user may have, over all endpoints and all presentities that this Front End serves: each Front End of the pool
 * guards its own memory. Lync allows 200 and carries a list of contacts in each; here
 * a dialog carries one, and eight endpoints of someone with 250 contacts shall be served.
 */
const DIALOGS_PER_WATCHER = 2000;
/** Seconds after which to come back to a presentity that is watched by too many. */
const RETRY_AFTER = 300;

export function handleSubscribe(call: Call, parts: SubscribeParts): Promise<void> {
  const event = presenceEvent(call.request);
  requireReadable(call.request);
  return call.request.to.tag === undefined ? begin(call, event, parts) : refresh(call, event, parts);
}

async function begin(call: Call, event: EventHeader, parts: SubscribeParts): Promise<void> {
  const presentity = presentityOf(call.request, parts.presentities);
  const expires = grantedExpires(call.request, presentity);
  const [subscription, actions] = createSubscription({ event, expires, authorized: true, now: parts.now() });
  const record: WatchRecord = {
    presentity: presentity.aor,
    watcher: call.identity,
    dialog: dialogOf(call.request),
    subscription,
    flowId: call.flow.id,
    container: parts.presentities.containerFor(call.identity, presentity),
  };
  if (expires > 0) makeRoom(record, presentity, parts);
  const watch = expires > 0 ? await parts.watches.begin(record) : createWatch(record);
  accept(call, watch, expires, parts);
  parts.watches.perform(watch, actions);
  // Who was blocked while the store was written to is told so.
  if (expires > 0) parts.watches.reauthorize(watch);
}

async function refresh(call: Call, event: EventHeader, parts: SubscribeParts): Promise<void> {
  const watch = watchOf(call, event, parts.store);
  const presentity = parts.presentities.enabled(watch.presentity);
  if (!presentity) throw noDialog();
  const expires = grantedExpires(call.request, presentity);
  requireRoute(call.request.contacts);
  if (acceptInDialog(watch.dialog, call.request) === 'out-of-order')
    throw new Refused(500, 'CSeq Out of Order', 'out-of-order');
  watch.flowId = call.flow.id;
  const actions = await parts.watches.refresh(watch, expires);
  if (!actions) throw noDialog();
  accept(call, watch, expires, parts);
  parts.watches.perform(watch, actions);
}

/** RFC 6665 4.2.1.1: the 200 says how long, and where to refresh. */
function accept(call: Call, watch: Watch, expires: number, { contactFor }: SubscribeParts): void {
  const headers: [string, string][] = [
    ['Expires', String(expires)],
    ['Contact', `<${contactFor(call.flow)}>`],
  ];
  call.reply(200, 'OK', { toTag: watch.id, headers });
}

function presentityOf({ parsedUri }: SipRequest, { enabled }: SubscribeParts['presentities']): EffectiveUser {
  const user = enabled(parsedUri.aor());
  if (!user) throw new Refused(404, 'Not Found', 'no-such-user');
  return user;
}

function grantedExpires({ expires }: SipRequest, { presencePolicy }: EffectiveUser): number {
  const { minSubscriptionExpires, defaultSubscriptionExpires, maxSubscriptionExpires } = presencePolicy;
  const limits = {
    min: minSubscriptionExpires,
    default: defaultSubscriptionExpires,
    max: maxSubscriptionExpires,
  };
  const grant = grantExpires(expires, limits);
  if (grant.ok) return grant.expires;
  throw new Refused(423, 'Interval Too Brief', 'interval-too-brief', [
    ['Min-Expires', String(grant.minExpires)],
  ]);
}

/** RFC 3856 6.5: whoever names what it takes must take PIDF. */
function requireReadable(request: SipRequest): void {
  const types = request.values('accept').map((value) => value.split(';')[0]?.trim().toLowerCase());
  const readable = [PIDF_TYPE, 'application/*', '*/*'].some((type) => types.includes(type));
  if (types.length > 0 && !readable) throw new Refused(406, 'Not Acceptable', 'not-acceptable');
}

function dialogOf(request: SipRequest): WatchRecord['dialog'] {
  const dialog = uasDialog(request, newTag());
  requireRoute(request.contacts);
  requireRoute(request.recordRoutes);
  return dialog;
}

/** What a NOTIFY would go to is read now, while there is someone to tell that it cannot be. */
function requireRoute(hops: readonly NameAddr[]): void {
  for (const { uri } of hops) SipUri.parse(uri);
}

function watchOf({ request, identity }: Call, event: EventHeader, store: SubscribeParts['store']): Watch {
  const watch = store.get(request.to.tag ?? '');
  if (!watch || watch.dialog.callId !== request.callId || watch.dialog.remoteTag !== (request.from.tag ?? ''))
    throw noDialog();
  if (!sameEvent(event, { package: watch.subscription.event, ...eventId(watch) })) throw noDialog();
  if (watch.watcher !== identity) throw new Refused(403, 'Forbidden', 'spoofed-identity');
  return watch;
}

const noDialog = (): Refused => new Refused(481, 'Subscription Does Not Exist', 'no-dialog');

const eventId = ({ subscription: { eventId: id } }: Watch) => (id === undefined ? {} : { id });

/** The watchers of one presentity, and the dialogs of one watcher, are limited. A watcher's own oldest dialog is likely forgotten. */
function makeRoom(
  { watcher }: WatchRecord,
  presentity: EffectiveUser,
  { store, watches }: SubscribeParts,
): void {
  const all = [...store.of(presentity.aor)];
  const own = all.filter((one) => one.watcher === watcher);
  const [oldest] = own;
  if (oldest && own.length >= presentity.registrar.maxEndpointsPerUser)
    return watches.step(oldest, { type: 'terminate', reason: 'giveup', retryAfter: RETRY_AFTER });
  if (all.length >= presentity.presencePolicy.maxSubscribers || store.by(watcher).size >= DIALOGS_PER_WATCHER)
    throw new Refused(480, 'Too Many Watchers', 'too-many-watchers', [['Retry-After', String(RETRY_AFTER)]]);
}
