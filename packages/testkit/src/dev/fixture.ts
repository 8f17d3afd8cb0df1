import type { Frame } from '@linchpin/proto/relay/v1/relay';
import type { SipRequest, SipResponse } from '@linchpin/sip';
import type { Lab } from '../lab.ts';
import type { LabDocument } from '../publisher.ts';

/** A neighbour that answers from the fixture. */
export interface FixtureNeighbour {
  role: string;
  pod: string;
  /** Fixed, so that it is the same in each run; the role's documents name it. */
  port: number;
  /** Roles that may call it. */
  allow: string[];
  answer?(request: SipRequest, frame: Frame): SipResponse | undefined;
}

/** How one role runs alone: its configuration, the documents it follows, and who answers in place of its neighbours. */
export interface Fixture {
  role: string;
  /** RPC port; the HTTP port is the next one. */
  port: number;
  postgres?: boolean;
  /** Beside the database that PostgreSQL always has. */
  databases?: string[];
  config(lab: Lab): Promise<Record<string, unknown>>;
  documents: LabDocument[];
  neighbours: FixtureNeighbour[];
  /** Opens a door for plain SIP over UDP that passes what comes to the role as frames of a remote client. */
  door?: { as: string; pod: string; port: number };
  /** Lines to show when it is up: the first request to send. */
  hint: string[];
}
