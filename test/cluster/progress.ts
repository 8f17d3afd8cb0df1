/** Lines for whoever waits: the time of day, what is done, and how long it took. */
const clock = (): string => new Date().toTimeString().slice(0, 8);

export function say(text: string): void {
  process.stderr.write(`[${clock()}] ${text}\n`);
}

export const seconds = (milliseconds: number): string => `${(milliseconds / 1000).toFixed(1)} s`;

/** Says what begins, every ten seconds that it goes on, and when it is done. `detail` adds what it waits for. */
export async function step<T>(
  what: string,
  work: () => Promise<T>,
  detail?: () => Promise<string>,
): Promise<T> {
  const begun = performance.now();
  say(`${what} ...`);
  const ticking = setInterval(async () => {
    const more = (await detail?.().catch(() => '')) || '';
    say(`${what} ... ${Math.round((performance.now() - begun) / 1000)} s${more && `: ${more}`}`);
  }, 10_000);
  try {
    const result = await work();
    say(`${what}: done in ${seconds(performance.now() - begun)}`);
    return result;
  } finally {
    clearInterval(ticking);
  }
}
