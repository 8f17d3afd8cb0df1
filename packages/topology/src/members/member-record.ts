// What a pod says of itself: the value of its key in the bucket `members`.
import { fromKeyToken, memberKey } from '@linchpin/proto/subjects';
import { z } from 'zod';
import { hostPort, label } from '../kinds/names.ts';
import { type Role, roles } from '../kinds/topology.ts';

export interface MemberRecord {
  pod: string;
  role: Role;
  pool: string;
  /** Where other pods reach its RPCs: host:port. */
  address: string;
  /** New for each process. */
  incarnation: string;
  beat: number;
  state: 'running' | 'draining';
  productVersion: string;
  /** Front Ends only. */
  groups?: GroupsRecord | undefined;
  drain?: DrainRecord | undefined;
}

export interface GroupsRecord {
  owned: [group: number, term: number][];
  /** Groups of which this pod has a copy in memory that is as good as the owner's. */
  warm: number[];
  /** Changes that are not yet in PostgreSQL. */
  backupLag: number;
  users: number;
  registrations: number;
}

export interface DrainRecord {
  /** RFC 3339. */
  startedAt: string;
  /** What is still to go: `{ groups: 3, connections: 120, transactions: 2 }`. */
  remaining: Record<string, number>;
}

const count = z.int().min(0);

// Pods of several releases run beside each other during an update: what a newer one says besides is passed over.
const record = z.object({
  pod: z.string().min(1).max(253),
  role: z.enum(roles),
  pool: label,
  address: hostPort,
  incarnation: z.string().min(1).max(64),
  beat: count,
  state: z.enum(['running', 'draining']),
  productVersion: z.string().max(64),
  groups: z
    .object({
      owned: z.array(z.tuple([count, count])),
      warm: z.array(count),
      backupLag: count,
      users: count,
      registrations: count,
    })
    .optional(),
  drain: z.object({ startedAt: z.string().max(40), remaining: z.record(z.string(), count) }).optional(),
});

export const keyOf = ({ role, pod }: Pick<MemberRecord, 'role' | 'pod'>): string => memberKey(role, pod);

/**
 * Throws for what is no record, or not the one of its key: NATS lets a role write keys of its own role only, and that is
 * worth something only while nobody can speak for another role under such a key.
 */
export function parseMember(key: string, value: unknown): MemberRecord {
  const member: MemberRecord = record.parse(value);
  if (keyOf(member) === key) return member;
  const [role, token = ''] = key.split('.');
  throw new Error(`the record of ${role} ${fromKeyToken(token)} speaks for ${member.role} ${member.pod}`);
}

/** Everything but the beat: whether others need hear of it. */
export const said = ({ beat: _, ...rest }: MemberRecord): string => JSON.stringify(rest);
