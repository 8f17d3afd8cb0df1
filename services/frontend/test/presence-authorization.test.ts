import type { SipRequest } from '@linchpin/sip';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { document } from './presence-documents.ts';
import { Harness, user } from './presence-harness.ts';

let harness: Harness;
beforeEach(() => {
  vi.useFakeTimers();
  harness = new Harness();
});
afterEach(() => {
  harness.stop();
  vi.useRealTimers();
});

const alice = 'sip:alice@contoso.lab';
const busy = document({ activities: '<rpid:busy/>' });
const settled = () => vi.advanceTimersByTimeAsync(0);
const states = (notifies: readonly SipRequest[]) =>
  notifies.map((notify) => notify.get('subscription-state'));

describe('authorization', () => {
  const reread = (name: string) => harness.presence.directoryChanged([`${name}@contoso.lab`]);

  test('a blocked watcher is told what everybody is told of who is offline', async () => {
    harness.users.set(
      alice,
      user(alice, { displayName: 'Alice', containers: [{ id: 32000, members: ['sip:bob@contoso.lab'] }] }),
    );
    const [blocked, other] = [
      await harness.watch('bob', 'alice', harness.flow()),
      await harness.watch('carol', 'alice', harness.flow()),
    ];
    await settled();
    expect(blocked.body).toBe(other.body);
    expect(blocked.response.status).toBe(200);
    await harness.published('alice', harness.flow(), busy);
    await settled();
    expect(other.body).toContain('<rpid:busy/>');
    expect(blocked.notifies).toHaveLength(1);
  });

  test('blocking and unblocking is told at once', async () => {
    await harness.published('alice', harness.flow(), busy);
    const watch = await harness.watch('bob', 'alice', harness.flow());
    await settled();
    harness.users.set(alice, user(alice, { containers: [{ id: 32000, members: ['sip:bob@contoso.lab'] }] }));
    reread('alice');
    await settled();
    expect(watch.body).toContain('<basic>closed</basic>');
    expect(watch.body).not.toContain('busy');
    harness.users.set(alice, user(alice));
    reread('alice');
    await settled();
    expect(watch.body).toContain('<rpid:busy/>');
  });

  test('privacy mode shows who is not listed nothing, at once', async () => {
    await harness.published('alice', harness.flow(), busy);
    const [listed, other] = [
      await harness.watch('bob', 'alice', harness.flow()),
      await harness.watch('carol', 'alice', harness.flow()),
    ];
    await settled();
    const containers = [{ id: 300, members: ['sip:bob@contoso.lab'] }];
    harness.users.set(alice, user(alice, { containers }, { privacyMode: true }));
    reread('alice');
    await settled();
    expect(listed.body).toContain('<rpid:busy/>');
    expect(other.body).toContain('<basic>closed</basic>');
  });

  test('a new display name is told', async () => {
    const watch = await harness.watch('bob', 'alice', harness.flow());
    await settled();
    harness.users.set(alice, user(alice, { displayName: 'Alice Example' }));
    reread('alice');
    await settled();
    expect(watch.body).toContain('<c:display-name>Alice Example</c:display-name>');
  });

  test('ends with the presentity', async () => {
    const watch = await harness.watch('bob', 'alice', harness.flow());
    await settled();
    harness.users.delete(alice);
    reread('alice');
    await settled();
    expect(states(watch.notifies).at(-1)).toBe('terminated;reason=noresource');
    expect(watch.last.body).toHaveLength(0);
    expect(harness.state.values.size).toBe(0);
  });

  test('ends with the watcher', async () => {
    const watch = await harness.watch('bob', 'alice', harness.flow());
    await settled();
    harness.users.set('sip:bob@contoso.lab', user('sip:bob@contoso.lab', { enabled: false }));
    reread('bob');
    await settled();
    expect(states(watch.notifies).at(-1)).toBe('terminated;reason=rejected');
    expect(watch.last.body).toHaveLength(0);
  });

  test('one document serves all who watch from one container', async () => {
    const watches = await Promise.all(
      Array.from({ length: 20 }, () => harness.watch('bob', 'alice', harness.flow())),
    );
    const other = await harness.watch('carol', 'alice', harness.flow());
    await harness.published(
      'alice',
      harness.flow(),
      document({ activities: '<rpid:away/>', more: '<note>back at 5</note>' }),
    );
    await settled();
    for (const watch of [...watches.slice(-7), other]) expect(watch.body).toContain('back at 5');
  });
});
