// Who served one user, and when: everything is told by one process, so that there is one clock.
import { type Client, createClient } from '../clients/client.ts';
import type { Outcome } from '../clients/perform.ts';
import { createStack } from '../clients/stack.ts';
import type { UserAgent } from '../peers/ua.ts';
import { createUserAgent } from '../peers/ua.ts';
import type { Pod } from './pod.ts';
import type { PoolLab } from './pool.ts';
import { groupOfUser, type Ownership } from './pool-view.ts';
import { servedBy } from './served-by.ts';

export interface Served {
  /** performance.now() when it came to the client. */
  at: number;
  pod: string;
  what: string;
}

export interface Witness {
  readonly group: number;
  /** Requests that came to the observed user and to its watcher, in order. */
  readonly served: readonly Served[];
  /** What was written to `owner` of the user's group. */
  readonly owners: readonly Ownership[];
  /** Requests that began and what became of them. */
  readonly outcomes: readonly Outcome[];
  /** Sends a message to the observed user over a connection that ends on the old owner itself; resolves with the status, or 0. */
  askOldOwner(): Promise<number>;
  /** The last note that the server acknowledged, and what the watcher knows. */
  notes(): { acknowledged: string | undefined; seen: string | undefined; dialogs: number };
  stop(): Promise<void>;
}

/** `landing` is where everybody but the one who asks the old owner is connected. */
export async function createWitness(pool: PoolLab, owner: Pod, landing: Pod): Promise<Witness> {
  const owners = await pool.view.owners();
  const [observed, sender, watcher, asking] = [
    pool.users.find((user) => owners.get(groupOfUser(user))?.pod === owner.name),
    ...pool.users.slice(-3),
  ] as [string, string, string, string];
  const group = groupOfUser(observed);
  const told = await pool.view.follow(group);
  const served: Served[] = [];
  const outcomes: Outcome[] = [];
  const stack = createStack();
  const client = (user: string): Client =>
    createClient({
      user,
      password: pool.password(user),
      way: pool.wayTo(landing, 'sip-tls'),
      stack,
      events: {
        onOutcome: (outcome) => outcomes.push(outcome),
        onRequest(request) {
          if (user === observed || request.method === 'NOTIFY')
            served.push({ at: performance.now(), pod: servedBy(pool, request), what: request.method });
        },
      },
    });
  const [observedClient, senderClient, watcherClient] = [client(observed), client(sender), client(watcher)];
  for (const one of [observedClient, senderClient, watcherClient]) await one.signIn();
  await watcherClient.watch(observed);
  const agent: UserAgent = await createUserAgent(asking, pool.password(asking), {
    tcp: owner.ports.listeners['sip-tcp'] ?? 0,
  });
  await agent.register();

  let count = 0;
  const working = [
    setInterval(() => void senderClient.message(observed, `${++count}`), 100),
    setInterval(() => void observedClient.publish(`note ${++count}`), 300),
  ];
  return {
    group,
    served,
    owners: told,
    outcomes,
    askOldOwner: () =>
      agent
        .request('MESSAGE', {
          uri: `sip:${observed}`,
          to: observed,
          headers: [['Content-Type', 'text/plain']],
          body: 'by the old owner',
          milliseconds: 20_000,
        })
        .then(
          ({ status }) => status,
          () => 0,
        ),
    notes: () => ({
      acknowledged: observedClient.publication.note,
      seen: watcherClient.subscriptions.get(observed)?.note,
      dialogs: watcherClient.subscriptions.get(observed)?.dialogs ?? 0,
    }),
    async stop() {
      for (const timer of working) clearInterval(timer);
      agent.close();
      for (const one of [observedClient, senderClient, watcherClient]) one.vanish();
      stack.close();
    },
  };
}
