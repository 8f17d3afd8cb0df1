// A pod whose work is the compliance store: nobody is connected to it, and it takes what others publish.
import { readFile } from 'node:fs/promises';
import pg from 'pg';
import type { Pods } from '../../../services/persistent-chat/test/pods.ts';
import { COMPLIANCE, chatDocuments, postgresOf, writePodConfig } from './pod-config.ts';
import { startServer } from './server.ts';

const LOOK_MS = 20;
/** Without anything new in the store. */
const PATIENCE_MS = 30_000;

export interface ComplianceStore {
  readonly pid: number;
  /** Resolves when every event of every room is in its chain. */
  hasAll(): Promise<void>;
  stop(): Promise<void>;
}

export async function startCompliancePod(pods: Pods): Promise<ComplianceStore> {
  const { lab } = pods;
  await pods.sql(`CREATE DATABASE ${COMPLIANCE}`);
  await lab.publisher.publish(chatDocuments);
  // The pods of this rig have their rooms in the database that is there anyway.
  const server = await startServer(await writePodConfig(lab, 'keeper', { rooms: 'postgres' }));
  const { passwordFile, ...place } = postgresOf(lab, COMPLIANCE);
  const store = new pg.Client({ ...place, password: await readFile(passwordFile, 'utf8') });
  await store.connect();

  /** Nothing is cut off here, so the heads of chains tell how many there are. */
  const kept = async (): Promise<number> =>
    Number((await store.query('SELECT sum(seq) AS events FROM chains')).rows[0].events ?? 0);

  return {
    pid: server.pid,
    async hasAll() {
      const [happened] = await pods.sql('SELECT sum(last_seq) AS events FROM rooms');
      let [last, since] = [-1, performance.now()];
      for (let now = await kept(); now < Number(happened.events); now = await kept()) {
        if (now > last) [last, since] = [now, performance.now()];
        else if (performance.now() - since > PATIENCE_MS)
          throw new Error(`the compliance store has ${now} of ${happened.events} events, and no more come`);
        await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
      }
    },
    async stop() {
      await store.end();
      await server.stop();
    },
  };
}
