import { imageValues, prepareImages } from './images.ts';
import { installRelease } from './install.ts';
import { ensureCluster } from './kind-cluster.ts';
import { type Origin, prepareMachine } from './machine.ts';
import { say, seconds } from './progress.ts';
import { signInHelp } from './sign-in-help.ts';

/** From nothing, or from whatever is there already, to a release that takes clients. */
export async function up(origin: Origin, { install = true } = {}): Promise<void> {
  const begun = performance.now();
  await prepareMachine(origin);
  await ensureCluster(origin);
  const tag = await prepareImages(origin);
  if (!install) return say(`the images are linchpin/<role>:${tag}; nothing is installed`);
  await installRelease(imageValues(origin, tag));
  say(`ready in ${seconds(performance.now() - begun)}`);
  process.stdout.write(`${await signInHelp()}\n`);
}
