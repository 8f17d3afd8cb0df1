// PUBLISH (RFC 3903): what endpoints say about their user.
import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { createEtag, type PublishOutcome, publish, type SipRequest } from '@linchpin/sip';
import type { Directory, EffectiveUser } from '@linchpin/topology';
import { Refused } from '../refused.ts';
import type { Binding } from '../registrar/binding.ts';
import type { Call } from '../signaling/call.ts';
import type { Instance } from './categories.ts';
import { presenceEvent } from './event.ts';
import { readPidf } from './pidf-reader.ts';
import { PIDF_TYPE } from './pidf-writer.ts';
import { endpointOf, type Published } from './publications.ts';
import { XmlError } from './xml.ts';

export interface PublishParts {
  directory: Pick<Directory, 'isLocalDomain' | 'user'>;
  publications(aor: string): Published[];
  /** Mark of the last PUBLISH that removed one. */
  removal(aor: string): string | undefined;
  bindings(aor: string): Binding[];
  /** Resolves when stored; watchers are told then. */
  replace(aor: string, publications: Published[], removal?: string): Promise<void>;
  now(): number;
}

type Outcome = PublishOutcome<Published['state']>;

/** Bytes; several times what the largest client sends. */
const MAX_BODY = 25 * 1024;

/**
 * Seconds. RFC 3903 leaves them to the server: an hour is what RFC 3856 6.4 has for presence, so a client that vanished is not
 * shown for longer, and those that stay need not ask more than once a minute.
 */
const EXPIRES = { min: 60, default: 3600, max: 3600 };

export async function handlePublish(call: Call, parts: PublishParts): Promise<void> {
  const user = ownUser(call, parts.directory);
  presenceEvent(call.request);
  const before = parts.publications(user.aor);
  const mark = markOf(call.request);
  const done = mark && before.find(({ state }) => state.request === mark);
  if (done) return call.reply(200, 'OK', { headers: answerOf(done) });
  if (mark && mark === parts.removal(user.aor)) return call.reply(200, 'OK', { headers: removed() });
  const outcome = consider(call, before, user, parts);
  if (outcome.status !== 200) throw refusalOf(outcome);
  // RFC 3903 6 step 5: all or nothing, and nothing is said to have been done that a crash could undo.
  const removal = outcome.change === 'removed' ? mark : undefined;
  await parts.replace(user.aor, newest(outcome.publications, user.registrar.maxEndpointsPerUser), removal);
  call.reply(200, 'OK', { headers: outcome.headers });
}

/** RFC 3903 6 step 1, and nobody speaks for another (Lync publishes from the user's own endpoints only). */
function ownUser({ request, identity }: Call, directory: PublishParts['directory']): EffectiveUser {
  const { host } = request.parsedUri;
  if (!directory.isLocalDomain(host.toLowerCase())) throw new Refused(404, 'Not Found', 'foreign-domain');
  const user = directory.user(identity);
  if (!user || request.parsedUri.aor() !== identity)
    throw new Refused(403, 'Forbidden', 'publish-for-another');
  return user;
}

/** RFC 3903 6 steps 3 to 6. */
function consider(
  { request, flow }: Call,
  before: Published[],
  user: EffectiveUser,
  parts: PublishParts,
): Outcome {
  const ifMatch = request.has('sip-if-match') ? request.getAll('sip-if-match').join(', ') : undefined;
  const known = before.find(({ etag }) => etag === ifMatch)?.state;
  const now = parts.now();
  const owner = parts.bindings(user.aor).find(({ flowId }) => flowId === flow.id);
  const state = stateOf(request, known, {
    flowId: flow.id,
    heardAt: now,
    request: markOf(request),
    ...(owner ? { endpoint: endpointOf(owner) } : {}),
  });
  const asked = { ifMatch, expires: request.expires, state };
  return publish(before, asked, { now, limits: EXPIRES });
}

/** Without a body it is a refresh: the same state, heard again. */
function stateOf(
  request: SipRequest,
  known: Published['state'] | undefined,
  heard: Pick<Published['state'], 'flowId' | 'heardAt' | 'request' | 'endpoint'>,
): Published['state'] | undefined {
  const instances = request.body.length === 0 ? known?.instances : readBody(request);
  if (!instances) return undefined;
  const same = known && isDeepStrictEqual(known.instances, instances);
  return { ...known, instances, publishedAt: same ? known.publishedAt : heard.heardAt, ...heard };
}

/** The same for all copies of a request, and for no other (RFC 3261 8.1.1.7); undefined where there is no telling. */
function markOf({ via: { branch }, callId, cseq }: SipRequest): string | undefined {
  if (!branch?.startsWith('z9hG4bK')) return undefined;
  const text = `${branch} ${callId} ${cseq.seq}`;
  return createHash('sha256').update(text).digest('base64url').slice(0, 16);
}

/** What was said, or should have been, when it was stored. */
const answerOf = ({ etag, expiresAt, state: { heardAt } }: Published): [string, string][] => [
  ['sip-etag', etag],
  ['expires', String((expiresAt - heardAt) / 1000)],
];

/** RFC 3903 6 step 6: a tag is made even for what is gone, and no later request can match it. */
const removed = (): [string, string][] => [
  ['sip-etag', createEtag()],
  ['expires', '0'],
];

function readBody(request: SipRequest): Instance[] {
  const { body, contentType } = request;
  const encoding = request.get('content-encoding')?.toLowerCase() ?? 'identity';
  if (contentType !== PIDF_TYPE)
    throw new Refused(415, 'Unsupported Media Type', 'media-type', [['Accept', PIDF_TYPE]]);
  if (encoding !== 'identity')
    throw new Refused(415, 'Unsupported Media Type', 'media-type', [['Accept-Encoding', 'identity']]);
  if (body.length > MAX_BODY) throw new Refused(413, 'Request Entity Too Large', 'body-too-large');
  try {
    return readPidf(body);
  } catch (error) {
    if (error instanceof XmlError)
      throw new Refused(400, `Bad Presence Document: ${error.message}`, 'presence-document');
    throw error;
  }
}

/** An endpoint that lost its entity tag leaves its publication behind: whoever was not heard of for longest gives way. */
function newest(publications: Published[], limit: number): Published[] {
  if (publications.length <= limit) return publications;
  const oldest = publications.reduce((a, b) => (b.state.heardAt < a.state.heardAt ? b : a));
  return newest(
    publications.filter((one) => one !== oldest),
    limit,
  );
}

const rules = { 400: 'malformed', 412: 'no-publication', 423: 'interval-too-brief' } as const;

function refusalOf({ status, reason, headers }: Exclude<Outcome, { status: 200 }>): Refused {
  return new Refused(status, reason, rules[status], headers);
}
