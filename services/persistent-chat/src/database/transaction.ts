import type { PoolClient } from 'pg';
import { ChatError } from '../chat.ts';

// A pod that stands still in the midst of it must not keep the rooms that it has locked from the others.
const BEGIN = "BEGIN; SET LOCAL idle_in_transaction_session_timeout = '10s'";

/** Commits what `run` did, or undoes it when `run` rejects. */
export async function inTransaction<T>(
  client: PoolClient,
  run: (client: PoolClient) => Promise<T>,
): Promise<T> {
  await client.query(BEGIN);
  let result: T;
  try {
    result = await run(client);
  } catch (error) {
    // Where the connection is lost, so is the transaction.
    await client.query('ROLLBACK').catch(() => {});
    throw error;
  }
  await client.query('COMMIT').catch((error) => {
    throw new ChatError('unavailable', `${error.message}; whether it was stored is not known`, 1);
  });
  return result;
}
