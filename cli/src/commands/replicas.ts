import type { Replica } from '@linchpin/proto/cms/v1/cms';
import type { Home } from '../installation/home.ts';
import { requireSettings } from '../installation/settings.ts';
import { withCms } from '../management/cms.ts';

/** Which version of the configuration each pod runs, as it last reported. */
export async function replicas(home: Home): Promise<Replica[]> {
  return withCms(home, await requireSettings(home), (cms) => cms.replicas());
}
