import { afterAll, beforeAll, expect, test } from 'vitest';
import { createRig, type Rig } from './rig.ts';

let rig: Rig;

beforeAll(async () => {
  rig = await createRig({ pods: 2 });
});
afterAll(() => rig.close());

test('two pods start at once on an empty database, and make its tables once', async () => {
  expect(await rig.sql('SELECT count(*)::int AS n FROM rooms')).toEqual([{ n: 0 }]);
  const applied = await rig.sql(
    'SELECT count(*)::int AS n, count(DISTINCT number)::int AS d FROM migrations',
  );
  expect(applied[0]?.n).toBe(applied[0]?.d);
});
