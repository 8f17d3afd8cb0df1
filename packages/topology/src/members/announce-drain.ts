import type { DrainRecord } from './member-record.ts';
import type { Members } from './members.ts';

/** The host's `Draining`, as far as it is needed here. */
interface DrainingPod {
  report(): Readonly<DrainRecord>;
  onProgress(listener: (report: Readonly<DrainRecord>) => void): void;
}

/** NATS may be away: then the others hear of it later, or never, and the drain goes on. */
const PATIENCE_MS = 1_000;

/** Tells the others that this pod drains, before anything else happens, and then what remains. Never rejects. */
export async function announceDrain(
  members: Pick<Members, 'announce'>,
  draining: DrainingPod,
): Promise<void> {
  const tell = ({ startedAt, remaining }: Readonly<DrainRecord>): Promise<void> =>
    members.announce({ state: 'draining', drain: { startedAt, remaining } }).catch(() => {});
  draining.onProgress((report) => void tell(report));
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, PATIENCE_MS);
  await Promise.race([tell(draining.report()), promise]);
  clearTimeout(timer);
}
