// What happened to whom: the books of a load, from which its report is made.
import type { Outcome } from './perform.ts';

export interface Failure {
  what: string;
  user: string;
  callId: string;
  why: string;
  attempts: number;
  setbacks: string[];
  milliseconds: number;
  /** RFC 3339. */
  at: string;
}

export interface Outage {
  user: string;
  why: string;
  /** RFC 3339. */
  at: string;
  milliseconds: number;
}

interface Letter {
  from: string;
  to: string;
  callId: string;
  sentAt: number;
  acknowledged: boolean;
  /** Undefined while it is on its way. */
  attempts?: number;
  deliveries: number;
}

export interface LostMessage {
  id: string;
  from: string;
  to: string;
  callId: string;
}

export interface Report {
  seconds: number;
  users: number;
  /** By what: how many a person began. */
  requests: Record<string, number>;
  /** What the clients tried again, and why: "message: 503 Service Unavailable" → 12. */
  setbacks: Record<string, number>;
  /** What a person would have seen fail. */
  failures: Failure[];
  messages: {
    sent: number;
    acknowledged: number;
    /** Acknowledged, and never delivered. */
    lost: LostMessage[];
    /** Delivered more than once though sent once. */
    duplicatedByServer: LostMessage[];
    /** Delivered more than once because the client sent it more than once. */
    duplicatedByRetry: number;
  };
  presence: {
    published: number;
    notified: number;
    /** Watchers who were not told the last acknowledged note. */
    stale: { watcher: string; target: string; expected: string; seen: string | undefined }[];
    /** Subscriptions that had to begin a new dialog. */
    dialogsRenewed: number;
    publicationsLost: number;
    outOfOrder: number;
  };
  reconnects: number;
  outages: { count: number; longest: Outage | undefined };
  /** Milliseconds by what, tries included. */
  latency: Record<string, { p50: number; p99: number; max: number }>;
}

export interface Ledger {
  outcome(outcome: Outcome): void;
  lost(user: string, why: string, since: number): void;
  served(user: string): void;
  sent(id: string, from: string, to: string): void;
  settled(id: string, outcome: Outcome): void;
  delivered(id: string): void;
  notified(): void;
  outOfOrder(): void;
  /** Acknowledged messages that nobody got so far. */
  undelivered(): LostMessage[];
  /** Users without service now. */
  readonly down: number;
  /** Forgets what was counted; messages under way and outages stay. */
  restart(): void;
  report(
    parts: Pick<Report, 'users' | 'reconnects'> &
      Pick<Report['presence'], 'stale' | 'dialogsRenewed' | 'publicationsLost'>,
  ): Report;
}

const rank = (sorted: number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;

const ago = (milliseconds: number): string => new Date(Date.now() - milliseconds).toISOString();

export function createLedger(): Ledger {
  let begun = performance.now();
  const requests: Record<string, number> = {};
  const setbacks: Record<string, number> = {};
  const took: Record<string, number[]> = {};
  const failures: Failure[] = [];
  const letters = new Map<string, Letter>();
  const down = new Map<string, { since: number; why: string }>();
  let outages: Outage[] = [];
  let notified = 0;
  let outOfOrder = 0;

  const lettersWhere = (match: (letter: Letter) => boolean): LostMessage[] =>
    [...letters]
      .filter(([, letter]) => match(letter))
      .map(([id, { from, to, callId }]) => ({ id, from, to, callId }));
  const undelivered = () => lettersWhere(({ acknowledged, deliveries }) => acknowledged && deliveries === 0);

  function up(user: string): void {
    const gone = down.get(user);
    if (gone === undefined) return;
    down.delete(user);
    const milliseconds = performance.now() - gone.since;
    outages.push({ user, why: gone.why, at: ago(milliseconds), milliseconds });
  }

  return {
    outcome({ what, user, callId, ok, why = '', attempts, setbacks: tried, milliseconds }) {
      requests[what] = (requests[what] ?? 0) + 1;
      for (const setback of tried) {
        const key = `${what}: ${setback}`;
        setbacks[key] = (setbacks[key] ?? 0) + 1;
      }
      if (ok) {
        took[what] ??= [];
        took[what].push(milliseconds);
      } else {
        const at = new Date().toISOString();
        failures.push({ what, user, callId, why, attempts, setbacks: tried, milliseconds, at });
      }
    },
    lost(user, why, since) {
      if (!down.has(user)) down.set(user, { since, why });
    },
    served: up,
    sent: (id, from, to) =>
      void letters.set(id, {
        from,
        to,
        callId: '',
        sentAt: performance.now(),
        acknowledged: false,
        deliveries: 0,
      }),
    settled(id, { ok, attempts, callId }) {
      const letter = letters.get(id);
      if (letter) Object.assign(letter, { acknowledged: ok, attempts, callId });
    },
    delivered(id) {
      const letter = letters.get(id);
      if (letter) letter.deliveries++;
    },
    notified: () => void notified++,
    outOfOrder: () => void outOfOrder++,
    undelivered,
    get down() {
      return down.size;
    },
    restart() {
      begun = performance.now();
      for (const counts of [requests, setbacks, took])
        for (const key of Object.keys(counts)) delete counts[key];
      for (const [id, letter] of letters) if (letter.attempts !== undefined) letters.delete(id);
      failures.length = 0;
      outages = [];
      notified = 0;
      outOfOrder = 0;
    },
    report({ users, reconnects, stale, dialogsRenewed, publicationsLost }) {
      const still = [...down].map(([user, { since, why }]): Outage => {
        const milliseconds = performance.now() - since;
        return { user, why: `${why} (still)`, at: ago(milliseconds), milliseconds };
      });
      const all = [...outages, ...still].sort((a, b) => b.milliseconds - a.milliseconds);
      const repeated = ({ deliveries }: Letter): boolean => deliveries > 1;
      return {
        seconds: (performance.now() - begun) / 1000,
        users,
        requests: { ...requests },
        setbacks: { ...setbacks },
        failures: [...failures],
        messages: {
          sent: letters.size,
          acknowledged: lettersWhere(({ acknowledged }) => acknowledged).length,
          lost: undelivered(),
          duplicatedByServer: lettersWhere((letter) => repeated(letter) && letter.attempts === 1),
          duplicatedByRetry: lettersWhere((letter) => repeated(letter) && (letter.attempts ?? 0) > 1).length,
        },
        presence: {
          published: requests.publish ?? 0,
          notified,
          stale,
          dialogsRenewed,
          publicationsLost,
          outOfOrder,
        },
        reconnects,
        outages: { count: all.length, longest: all[0] },
        latency: Object.fromEntries(
          Object.entries(took).map(([what, times]) => {
            const sorted = times.toSorted((a, b) => a - b);
            return [
              what,
              { p50: rank(sorted, 0.5), p99: rank(sorted, 0.99), max: sorted.at(-1) ?? Number.NaN },
            ];
          }),
        ),
      };
    },
  };
}
