import type { DescribeUserReply } from '@linchpin/proto/frontend/v1/frontend';
import { CliError, EXIT } from '../cli-error.ts';
import type { Home } from '../installation/home.ts';
import { requireSettings } from '../installation/settings.ts';
import { type Document, withCms } from '../management/cms.ts';
import { describeUserAt } from '../management/frontend.ts';
import { documentName, kindOf } from '../management/kinds.ts';

/** The user's document together with what the Front End that serves the user knows. */
export interface UserDescription extends Document {
  /** Undefined when no Front End could say; then `why`. */
  state?: Omit<DescribeUserReply, 'user'>;
  why?: string;
}

interface Pool {
  name: string;
  members: { address: string }[];
}

export async function describeUser(home: Home, kind: string, name: string): Promise<UserDescription> {
  if (kindOf(kind) !== 'User')
    throw new CliError('Only users can be described; for documents: linchpin get.', EXIT.usage);
  const settings = await requireSettings(home);
  const user = documentName('User', name, settings);
  const [document, pools] = await withCms(home, settings, async (cms) => {
    const [[found], [topology]] = await Promise.all([cms.get('User', user), cms.get('Topology')]);
    return [found as Document, (topology?.spec.pools ?? []) as Pool[]] as const;
  });
  const addresses = pools.find((pool) => pool.name === document.spec.pool)?.members ?? [];
  return {
    ...document,
    ...(await askMembers(
      home,
      addresses.map(({ address }) => address),
      user,
    )),
  };
}

/** Any member answers for the user it serves, so the first answer counts. */
async function askMembers(home: Home, addresses: string[], user: string) {
  let why = "the user's pool has no members";
  for (const address of addresses) {
    try {
      const { user: _, ...state } = await describeUserAt(home, address, user);
      return { state };
    } catch (error) {
      why = (error as Error).message;
    }
  }
  return { why };
}
