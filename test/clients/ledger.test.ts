import { expect, it } from 'vitest';
import { createLedger } from './ledger.ts';
import type { Outcome } from './perform.ts';
import { isClean, reportText } from './report-text.ts';

const outcome = (change: Partial<Outcome> = {}): Outcome => ({
  what: 'message',
  user: 'alice@contoso.lab',
  callId: 'call-1',
  ok: true,
  attempts: 1,
  setbacks: [],
  milliseconds: 5,
  ...change,
});
const none = { users: 2, reconnects: 0, stale: [], dialogsRenewed: 0, publicationsLost: 0 };

it('tells a message that was lost from one that came twice, and why it did', () => {
  const ledger = createLedger();
  for (const id of ['lost', 'doubled', 'retried', 'refused']) ledger.sent(id, 'alice', 'bob');
  for (const id of ['doubled', 'doubled', 'retried', 'retried']) ledger.delivered(id);
  ledger.settled('lost', outcome());
  ledger.settled('doubled', outcome());
  ledger.settled('retried', outcome({ attempts: 2 }));
  ledger.settled('refused', outcome({ ok: false }));
  const report = ledger.report(none);
  expect(report.messages).toMatchObject({ sent: 4, acknowledged: 3, duplicatedByRetry: 1 });
  expect(report.messages.lost.map(({ id }) => id)).toEqual(['lost']);
  expect(report.messages.duplicatedByServer.map(({ id }) => id)).toEqual(['doubled']);
  expect(isClean(report)).toBe(false);
  expect(reportText(report)).toContain('lost: lost from alice to bob');
});

it('counts a loss of service from its first sign to the next answer, also while it lasts', () => {
  const ledger = createLedger();
  ledger.lost('alice', 'connection', performance.now() - 3000);
  ledger.lost('alice', 'timeout', performance.now());
  ledger.lost('bob', 'timeout', performance.now() - 1000);
  ledger.served('alice');
  const { outages } = ledger.report(none);
  expect(outages).toMatchObject({ count: 2, longest: { user: 'alice', why: 'connection' } });
  expect(outages.longest?.milliseconds).toBeGreaterThan(2900);
  expect(ledger.down).toBe(1);
});

it('counts from a new beginning what was not finished before it', () => {
  const ledger = createLedger();
  ledger.sent('done', 'alice', 'bob');
  ledger.settled('done', outcome());
  ledger.delivered('done');
  ledger.sent('under way', 'alice', 'bob');
  ledger.outcome(outcome({ ok: false, why: '503' }));
  ledger.restart();
  ledger.settled('under way', outcome());
  const report = ledger.report(none);
  expect(report.failures).toEqual([]);
  expect(report.messages).toMatchObject({ sent: 1, acknowledged: 1 });
});
