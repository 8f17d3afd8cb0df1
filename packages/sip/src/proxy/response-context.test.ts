import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { SipResponse } from '../message/response.ts';
import { fakeFlow, fakeLayer, fakeTransaction, requestOf, type SentRequest } from './fakes.ts';
import { createProxy } from './proxy.ts';
import type { Target } from './target.ts';

const timerC = 190_000;

function fork(method: string, count: number, change: Partial<Target> = {}) {
  const layer = fakeLayer();
  const request = requestOf(method);
  const transaction = fakeTransaction(request);
  const finals: (SipResponse | undefined)[] = [];
  const targets = Array.from({ length: count }, (_, i) => ({
    uri: `sip:bob${i}@192.0.2.4`,
    flow: () => fakeFlow(`flow${i}`),
    ...change,
  }));
  createProxy({ layer, routeHere: () => undefined, timerC }).forward({
    transaction,
    request,
    targets,
    onFinal: (response) => finals.push(response),
  });
  const branches = layer.sent as [SentRequest, SentRequest, SentRequest];
  const statuses = () => transaction.responses.map((response) => response.status);
  return { layer, transaction, finals, branches, statuses };
}

describe('RFC 3261 16.7 step 3: Via', () => {
  it('loses our own and keeps those upstream', () => {
    const { branches, transaction } = fork('MESSAGE', 1);
    branches[0].answer(200);
    expect(transaction.responses[0]?.getAll('via')).toEqual([
      'SIP/2.0/TCP alice.example.org;branch=z9hG4bKalice',
    ]);
  });

  it('ends the branch as 502 when nothing is left of it, and forwards nothing', () => {
    const { branches, statuses } = fork('INVITE', 1);
    branches[0].request.set('via', branches[0].request.get('via') ?? ''); // what a callee would do that drops the others
    branches[0].answer(180);
    branches[0].answer(486);
    expect(statuses()).toEqual([502]);
  });
});

describe('RFC 3261 16.7 step 5: what is forwarded at once', () => {
  it('is each provisional response to an INVITE but 100', () => {
    const { branches, statuses } = fork('INVITE', 2);
    branches[0].answer(100);
    branches[0].answer(180);
    branches[1].answer(183);
    expect(statuses()).toEqual([180, 183]);
  });

  it('is no provisional response to another request (RFC 4320 4.1)', () => {
    const { branches, statuses } = fork('MESSAGE', 1);
    branches[0].answer(100);
    branches[0].answer(183);
    expect(statuses()).toEqual([]);
  });

  it('is each 2xx to an INVITE, late ones and retransmissions too', () => {
    const { branches, statuses, finals } = fork('INVITE', 2);
    branches[0].answer(200);
    branches[1].answer(200);
    branches[0].answer(200);
    expect(statuses()).toEqual([200, 200, 200]);
    expect(finals).toHaveLength(1);
  });

  it('is one 2xx only to another request', () => {
    const { branches, statuses } = fork('MESSAGE', 2);
    branches[0].answer(200);
    branches[1].answer(200);
    expect(statuses()).toEqual([200]);
  });

  it('is no provisional response after the final one', () => {
    const { branches, statuses } = fork('INVITE', 2);
    branches[0].answer(200);
    branches[1].answer(180);
    expect(statuses()).toEqual([200]);
  });

  it('is no 6xx: the others are cancelled and it waits for them', () => {
    const { branches, statuses } = fork('INVITE', 2);
    branches[0].answer(603);
    expect(branches[1].cancelled).toBe(true);
    expect(statuses()).toEqual([]);
    branches[1].answer(487);
    expect(statuses()).toEqual([603]);
  });

  it('is a 2xx that crosses the CANCEL after a 6xx', () => {
    const { branches, statuses } = fork('INVITE', 2);
    branches[0].answer(603);
    branches[1].answer(200);
    expect(statuses()).toEqual([200]);
  });
});

describe('RFC 3261 16.7 step 6: the final response', () => {
  it('is one, when all branches have ended', () => {
    const { branches, statuses, finals, transaction } = fork('INVITE', 3);
    branches[0].answer(486);
    branches[1].answer(404);
    expect(statuses()).toEqual([]);
    branches[2].answer(302);
    expect(statuses()).toEqual([302]);
    expect(finals).toEqual(transaction.responses);
  });

  it('keeps To tag, reason and headers of the branch', () => {
    const { branches, transaction } = fork('MESSAGE', 1);
    branches[0].answer(488, { reason: 'No Way', toTag: 'bobs', headers: [['warning', '399 x "y"']] });
    const [response] = transaction.responses;
    expect(response?.to.tag).toBe('bobs');
    expect(response?.reason).toBe('No Way');
    expect(response?.get('warning')).toBe('399 x "y"');
  });

  it('has the challenges of all branches (step 7)', () => {
    const { branches, transaction } = fork('INVITE', 2);
    branches[0].answer(401, { headers: [['www-authenticate', 'Digest realm="a"']] });
    branches[1].answer(407, { headers: [['proxy-authenticate', 'Digest realm="b"']] });
    const [response] = transaction.responses;
    expect(response?.status).toBe(401);
    expect(response?.getAll('www-authenticate')).toEqual(['Digest realm="a"']);
    expect(response?.getAll('proxy-authenticate')).toEqual(['Digest realm="b"']);
  });

  it('is 500 where there was nothing but 503', () => {
    const { branches, transaction } = fork('MESSAGE', 2);
    branches[0].answer(503, { headers: [['retry-after', '3600']] });
    branches[1].answer(503);
    expect(transaction.responses[0]?.status).toBe(500);
    expect(transaction.responses[0]?.has('retry-after')).toBe(false);
    expect(transaction.responses).toHaveLength(1);
  });
});

describe('RFC 3261 16.7 step 10: CANCEL', () => {
  it('goes to all pending branches after a 2xx', () => {
    const { branches } = fork('INVITE', 3);
    branches[2].answer(486);
    branches[0].answer(200);
    expect(branches.map((branch) => branch.cancelled)).toEqual([false, true, false]);
  });

  it('is not sent for other requests', () => {
    const { branches } = fork('MESSAGE', 2);
    branches[0].answer(200);
    expect(branches[1].cancelled).toBe(false);
  });

  it('keeps a branch from being begun whose flow is still looked up', async () => {
    const layer = fakeLayer();
    const request = requestOf('INVITE');
    const transaction = fakeTransaction(request);
    const targets: Target[] = [
      { uri: 'sip:now@x', flow: () => fakeFlow('now') },
      { uri: 'sip:later@x', flow: async () => fakeFlow('later') },
    ];
    createProxy({ layer, routeHere: () => undefined }).forward({ transaction, request, targets });
    layer.sent[0]?.answer(200);
    await Promise.resolve();
    expect(layer.sent).toHaveLength(1);
  });
});

describe('RFC 3261 16.9 and 16.7 step 6: failures', () => {
  it('of the transport count as 503, which goes on as 500', () => {
    const { branches, statuses } = fork('INVITE', 1);
    branches[0].fail('transport');
    expect(statuses()).toEqual([500]);
  });

  it('of a connection that has ended count as 430 (RFC 5626 5.3.1)', () => {
    const flow = { ...fakeFlow('gone'), closed: true };
    const { branches, statuses } = fork('INVITE', 1, { flow: () => flow });
    branches[0].fail('transport');
    expect(statuses()).toEqual([430]);
  });

  it('by timeout count as 408', () => {
    const { branches, statuses } = fork('INVITE', 2);
    branches[0].fail('timeout');
    branches[1].fail('transport');
    expect(statuses()).toEqual([408]);
  });

  it('of one branch do not hide the answer of another', () => {
    const { branches, statuses } = fork('INVITE', 3);
    branches[0].fail('transport');
    branches[1].fail('timeout');
    branches[2].answer(480);
    expect(statuses()).toEqual([480]);
  });
});

describe('RFC 4320 4.2: no 408 to non-INVITE', () => {
  // The transaction layer drops a 408; that it is handed one lets it end.
  it('after a timeout', () => {
    const { branches, statuses, finals } = fork('MESSAGE', 1);
    branches[0].fail('timeout');
    expect(finals).toEqual([undefined]);
    expect(statuses()).toEqual([408]);
  });

  it('after a 408 from a branch, unless another has more to say', () => {
    const alone = fork('MESSAGE', 1);
    alone.branches[0].answer(408);
    expect(alone.finals).toEqual([undefined]);
    const both = fork('MESSAGE', 2);
    both.branches[0].answer(408);
    both.branches[1].answer(503);
    expect(both.statuses()).toEqual([500]);
  });
});

describe('RFC 3261 16.8: timer C', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('counts as 408 where nothing was heard', () => {
    const { statuses } = fork('INVITE', 1);
    vi.advanceTimersByTime(timerC - 1);
    expect(statuses()).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(statuses()).toEqual([408]);
  });

  it('cancels a branch that is proceeding, and waits for its end', () => {
    const { branches, statuses } = fork('INVITE', 1);
    branches[0].answer(100);
    vi.advanceTimersByTime(timerC);
    expect(branches[0].cancelled).toBe(true);
    expect(statuses()).toEqual([]);
    branches[0].answer(487);
    expect(statuses()).toEqual([487]);
  });

  it('starts anew with each provisional response but 100 (16.7 step 2)', () => {
    const { branches } = fork('INVITE', 1);
    vi.advanceTimersByTime(timerC - 1);
    branches[0].answer(180);
    vi.advanceTimersByTime(timerC - 1);
    branches[0].answer(100);
    expect(branches[0].cancelled).toBe(false);
    vi.advanceTimersByTime(1);
    expect(branches[0].cancelled).toBe(true);
  });

  it('is over with the final response, and not there for other requests', () => {
    const { branches } = fork('INVITE', 1);
    branches[0].answer(486);
    fork('MESSAGE', 1);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('RFC 3261 16.10: CANCEL from the client', () => {
  it('goes to all branches, and their 487 comes back', () => {
    const { branches, transaction, statuses } = fork('INVITE', 2);
    transaction.cancelByClient();
    expect(branches.map((branch) => branch.cancelled)).toEqual([true, true]);
    branches[0].answer(487);
    expect(statuses()).toEqual([]);
    branches[1].answer(487);
    expect(statuses()).toEqual([487]);
  });

  it('does not stop a 2xx', () => {
    const { branches, transaction, statuses } = fork('INVITE', 1);
    transaction.cancelByClient();
    branches[0].answer(200);
    expect(statuses()).toEqual([200]);
  });

  it('begins no further group', () => {
    const layer = fakeLayer();
    const request = requestOf('INVITE');
    const transaction = fakeTransaction(request);
    const flow = () => fakeFlow('f');
    const targets = [
      { uri: 'sip:a@x', flow },
      { uri: 'sip:b@x', flow, q: 0.1 },
    ];
    createProxy({ layer, routeHere: () => undefined }).forward({ transaction, request, targets });
    transaction.cancelByClient();
    layer.sent[0]?.answer(487);
    expect(layer.sent).toHaveLength(1);
    expect(transaction.responses[0]?.status).toBe(487);
  });

  it('may have come before the targets were known', () => {
    const layer = fakeLayer();
    const request = requestOf('INVITE');
    const transaction = fakeTransaction(request);
    transaction.onCancel = (listener) => listener(requestOf('CANCEL'));
    const targets = [{ uri: 'sip:a@x', flow: () => fakeFlow('f') }];
    createProxy({ layer, routeHere: () => undefined }).forward({ transaction, request, targets });
    expect(layer.sent).toEqual([]);
    expect(transaction.responses.map((response) => response.status)).toEqual([487]);
  });

  it('is answered with 487 at once while the flows are still looked up', async () => {
    const { layer, transaction, statuses } = fork('INVITE', 2, { flow: async () => fakeFlow('late') });
    transaction.cancelByClient();
    expect(statuses()).toEqual([487]);
    await Promise.resolve();
    expect(layer.sent).toEqual([]);
  });
});
