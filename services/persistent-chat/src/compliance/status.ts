import type { AdapterStatus, StatusReply } from '@linchpin/proto/chat/v1/compliance';
import type { PoolClient } from 'pg';
import { ChatError } from '../chat.ts';
import type { Database } from '../database/database.ts';
import type { AdapterConfig } from './config.ts';
import type { ComplianceFigures } from './telemetry.ts';

export interface StatusParts {
  database: Database | undefined;
  adapters: readonly AdapterConfig[];
  healthy: boolean;
  figures: ComplianceFigures;
}

/** How compliance is, also while the store is away. */
export async function readStatus({
  database,
  adapters,
  healthy,
  figures,
}: StatusParts): Promise<StatusReply> {
  const stored = await database
    ?.use((client) => readStored(client, adapters))
    .catch((error) => {
      if (error instanceof ChatError) return undefined;
      throw error;
    });
  return {
    healthy,
    storeAvailable: stored !== undefined,
    queuedMessages: figures.queued,
    lagSeconds: figures.lagSeconds,
    earlyEvents: figures.early,
    refusedMessages: stored?.refused ?? 0,
    chains: stored?.chains ?? 0,
    adapters: stored?.adapters ?? adapters.map(({ name }) => ({ name, ranAt: '', scopesBehind: 0 })),
  };
}

async function readStored(client: PoolClient, adapters: readonly AdapterConfig[]) {
  const { rows } = await client.query(
    'SELECT (SELECT count(*) FROM refused)::int AS refused, (SELECT count(*) FROM chains)::int AS chains',
  );
  const states: AdapterStatus[] = [];
  for (const { name } of adapters) states.push(await readAdapter(client, name));
  return { refused: rows[0].refused as number, chains: rows[0].chains as number, adapters: states };
}

async function readAdapter(client: PoolClient, name: string): Promise<AdapterStatus> {
  const { rows } = await client.query(
    `SELECT (SELECT ran_at FROM adapters WHERE name = $1) AS ran_at,
       (SELECT count(*) FROM chains c LEFT JOIN adapter_marks m ON m.scope = c.scope AND m.adapter = $1
        WHERE c.seq > greatest(coalesce(m.seq, 0), c.cut_seq))::int AS behind`,
    [name],
  );
  return { name, ranAt: rows[0].ran_at?.toISOString() ?? '', scopesBehind: rows[0].behind };
}
