import { newCallId, newTag, SipRequest } from '@linchpin/sip';
import { type Outcome, perform, type Requester, type Task } from './perform.ts';

/** What a client says of its user (RFC 3903): one publication, modified, and made anew when the server lost it. */
export interface Publication {
  publish(note: string): Promise<Outcome>;
  /** The note that the server last acknowledged. */
  readonly note: string | undefined;
  /** Publications made anew after a 412. */
  readonly lost: number;
}

export interface PublicationParts {
  by: Requester;
  flow: Task['flow'];
  routes(): readonly string[];
  onSetback(why: string, begun: number): void;
}

const documentOf = (user: string, note: string): string =>
  `<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:${user}"><tuple id="t"><status><basic>open</basic></status><note>${note}</note></tuple></presence>`;

export function createPublication({ by, flow, routes, onSetback }: PublicationParts): Publication {
  const callId = newCallId();
  const tag = newTag();
  let cseq = 0;
  let etag: string | undefined;
  let acknowledged: string | undefined;
  let lost = 0;
  let last: Promise<unknown> = Promise.resolve();

  function make(note: string): SipRequest {
    return SipRequest.create(
      'PUBLISH',
      `sip:${by.user}`,
      [
        ...routes().map((route): [string, string] => ['Route', route]),
        ['Max-Forwards', '70'],
        ['From', `<sip:${by.user}>;tag=${tag}`],
        ['To', `<sip:${by.user}>`],
        ['Call-ID', callId],
        ['CSeq', `${++cseq} PUBLISH`],
        ['Event', 'presence'],
        ['Expires', '3600'],
        ['Content-Type', 'application/pidf+xml'],
        ...(etag === undefined ? [] : ([['SIP-If-Match', etag]] as [string, string][])),
      ],
      Buffer.from(documentOf(by.user, note)),
    );
  }

  async function run(note: string): Promise<Outcome> {
    const task: Task = {
      what: 'publish',
      make: () => make(note),
      flow,
      again: [412],
      onSetback(why, begun) {
        // RFC 3903 4: of an answer that was lost the new entity tag was lost too, so a 412 comes next.
        if (/^412/.test(why)) {
          etag = undefined;
          lost++;
        } else onSetback(why, begun);
      },
    };
    const outcome = await perform(task, by);
    if (outcome.ok) {
      etag = outcome.response?.get('sip-etag');
      acknowledged = note;
    }
    return outcome;
  }

  return {
    publish(note) {
      const next = last.then(() => run(note));
      last = next;
      return next;
    },
    get note() {
      return acknowledged;
    },
    get lost() {
      return lost;
    },
  };
}
