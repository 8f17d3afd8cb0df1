import type { Principal } from '../chat.ts';
import type { WantedLists } from './spec.ts';
import { LIST_ROLES, type ListRole, type Lists } from './store.ts';

export interface ListChange {
  role: ListRole;
  added: Principal[];
  gone: Principal[];
}

/** What has to come and to go for the lists to be as they are wanted; lists that are not wanted stay. */
export function listChanges(before: Record<Lists, Principal[]>, wanted: WantedLists): ListChange[] {
  return (Object.entries(wanted) as [Lists, Principal[]][]).map(([list, principals]) => {
    const had = new Set(before[list]);
    const has = new Set(principals);
    return {
      role: LIST_ROLES[list],
      added: principals.filter((each) => !had.has(each)),
      gone: before[list].filter((each) => !has.has(each)),
    };
  });
}

/** The roles that those have now whose roles have changed. */
export function rolesNow(
  changes: readonly ListChange[],
  after: Record<Lists, Principal[]>,
): [Principal, ListRole[]][] {
  const concerned = new Set(changes.flatMap(({ added, gone }) => [...added, ...gone]));
  const roles = new Map<Principal, ListRole[]>([...concerned].map((principal) => [principal, []]));
  for (const [list, role] of Object.entries(LIST_ROLES) as [Lists, ListRole][])
    for (const principal of after[list]) roles.get(principal)?.push(role);
  return [...roles];
}
