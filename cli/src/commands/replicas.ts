import type { Replica } from '@linchpin/proto/cms/v1/cms';
import { withCms } from '../management/cms.ts';
import type { Site } from '../management/site.ts';

/** Which version of the configuration each pod runs, as it last reported. */
export const replicas = (site: Site): Promise<Replica[]> => withCms(site, (cms) => cms.replicas());
