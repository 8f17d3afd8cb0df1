import type { DescribeUserReply } from '@linchpin/proto/frontend/v1/frontend';
import { CliError, EXIT } from '../cli-error.ts';
import { type Cms, type Document, domainOf, withCms } from '../management/cms.ts';
import { documentName, kindOf } from '../management/kinds.ts';
import type { Site } from '../management/site.ts';

/** Where in its pool a user is, and why. */
export type Place = Pick<DescribeUserReply, 'group' | 'pool' | 'owner' | 'term' | 'secondaries' | 'why'>;
/** What only the Front End knows that serves the user. */
export type State = Omit<DescribeUserReply, 'user' | keyof Place>;

/** The user's document, where the user is, and what the Front End that serves the user knows. */
export interface UserDescription extends Document {
  /** Undefined when CMS does not know which pods there are; then `why`. */
  place?: Place;
  /** Undefined when no Front End could say; then `why`. */
  state?: State;
  why?: string;
}

export async function describeUser(site: Site, kind: string, name: string): Promise<UserDescription> {
  if (kindOf(kind) !== 'User')
    throw new CliError('Only users can be described; for documents: linchpin get.', EXIT.usage);
  return withCms(site, async (cms) => {
    const user = documentName('User', name, await domainOf(site, cms));
    const [document] = (await cms.get('User', user)) as [Document];
    return { ...document, ...(await askFrontEnd(cms, user)) };
  });
}

async function askFrontEnd(
  cms: Cms,
  user: string,
): Promise<Pick<UserDescription, 'place' | 'state' | 'why'>> {
  try {
    const { user: _, group, pool, owner, term, secondaries, why, ...state } = await cms.user(user);
    const place = { group, pool, owner, term, secondaries, why };
    return state.servedBy === '' ? { place, why: noAnswer(owner) } : { place, state };
  } catch (error) {
    return { why: (error as Error).message };
  }
}

const noAnswer = (owner: string): string =>
  owner === '' ? 'no Front End serves the user right now' : `${owner} does not answer`;
