// `npm run bench pool`: what a pool of Front Ends costs, and how fast it mends itself.
import { measureGrowth } from './pool-growth.ts';
import { measureHomes } from './pool-homes.ts';
import { measurePeerRelay } from './pool-relay.ts';
import { measureStoring } from './pool-storing.ts';
import type { Row } from './row.ts';

export async function measurePool(): Promise<Row[]> {
  const rows: Row[] = [];
  for (const measure of [measureHomes, measurePeerRelay, measureStoring, measureGrowth]) {
    console.error(`… pool: ${measure.name}`);
    rows.push(...(await measure()));
  }
  return rows;
}
