import type { Lab } from '../lab.ts';
import type { Row } from '../scenario.ts';

/** Nobody who works with an ordinary client sees anything of it. */
export async function run(lab: Lab, note: (row: Row) => void): Promise<void> {
  await lab.walk('edge', [1, 3, 1], note);
}
