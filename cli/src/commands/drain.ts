import { type DrainProgress, DrainState } from '@linchpin/proto/pod/v1/pod';
import { CliError } from '../cli-error.ts';
import { withCms } from '../management/cms.ts';
import type { Site } from '../management/site.ts';

/** As programs read it. */
export interface DrainReport extends Omit<DrainProgress, 'state'> {
  /** "forced": the time was over with something left. */
  state: 'draining' | 'done' | 'forced';
}

/** Resolves with the last word of the pod, which ends its process then. */
export async function drain(
  site: Site,
  pod: string,
  onProgress: (report: DrainReport) => void,
): Promise<DrainReport> {
  let last: DrainReport | undefined;
  await withCms(site, (cms) =>
    cms.drain(pod, (progress) => {
      last = reportOf(progress);
      onProgress(last);
    }),
  );
  if (last === undefined || last.state === 'draining')
    throw new CliError(`${pod} ended without a last word: it was stopped or lost its connection to CMS.`);
  return last;
}

const reportOf = ({ state, ...progress }: DrainProgress): DrainReport => ({
  ...progress,
  state: state === DrainState.DONE ? 'done' : state === DrainState.FORCED ? 'forced' : 'draining',
});
