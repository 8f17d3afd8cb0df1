import { SipRequest, SipResponse } from '@linchpin/sip';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { createCredentials } from './credentials.ts';
import type { ClientFlow } from './flow.ts';
import { type Outcome, perform, type Task } from './perform.ts';
import type { Stack } from './stack.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

type Said = number | 'timeout' | [status: number, headers: [string, string][]];

const flow = { reliable: true } as ClientFlow;
const make = (): SipRequest =>
  SipRequest.create('MESSAGE', 'sip:bob@contoso.lab', [
    ['Via', 'SIP/2.0/TLS client.invalid;branch=z9hG4bK1'],
    ['From', '<sip:alice@contoso.lab>;tag=a'],
    ['To', '<sip:bob@contoso.lab>'],
    ['Call-ID', 'call-1'],
    ['CSeq', '1 MESSAGE'],
  ]);

/** Runs a request against a server that says these things in turn, the last one again and again. */
async function against(said: Said[], task: Partial<Task> = {}): Promise<Outcome & { asked: SipRequest[] }> {
  const asked: SipRequest[] = [];
  const stack = {
    async ask(request: SipRequest, _: ClientFlow, milliseconds: number) {
      asked.push(request);
      const answer = said[Math.min(asked.length, said.length) - 1] as Said;
      if (answer === 'timeout') {
        await new Promise((resolve) => setTimeout(resolve, milliseconds));
        return answer;
      }
      const [status, headers] = typeof answer === 'number' ? [answer, []] : answer;
      return SipResponse.to(request, status, undefined, { headers });
    },
  } as unknown as Stack;
  const done = perform(
    { what: 'message', make, flow: async () => flow, ...task },
    {
      user: 'alice@contoso.lab',
      stack,
      credentials: createCredentials('alice', 'secret'),
      patience: { giveUp: 10_000, attempt: 6000 },
    },
  );
  await vi.advanceTimersByTimeAsync(20_000);
  return { ...(await done), asked };
}

const challenge = (nonce: string): Said => [
  407,
  [['Proxy-Authenticate', `Digest realm="contoso.lab", nonce="${nonce}", qop="auth", stale=true`]],
];

it('waits as long as it is told before it tries again', async () => {
  const { ok, attempts, setbacks, milliseconds } = await against([[503, [['Retry-After', '3']]], 200]);
  expect({ ok, attempts, setbacks }).toEqual({
    ok: true,
    attempts: 2,
    setbacks: ['503 Service Unavailable'],
  });
  expect(milliseconds).toBeGreaterThanOrEqual(3000);
  expect(milliseconds).toBeLessThan(3700);
});

it('answers a challenge, and a second one for a nonce that was too old', async () => {
  const { ok, attempts, asked } = await against([challenge('one'), challenge('two'), 200]);
  expect({ ok, attempts }).toEqual({ ok: true, attempts: 1 });
  expect(asked.map((request) => /nonce="(\w+)"/.exec(request.get('proxy-authorization') ?? '')?.[1])).toEqual(
    [undefined, 'one', 'two'],
  );
});

it('gives up on a wrong password, and on what is refused for good', async () => {
  expect(await against([challenge('one')])).toMatchObject({
    ok: false,
    why: '407 Proxy Authentication Required',
  });
  expect(await against([403])).toMatchObject({ ok: false, why: '403 Forbidden', attempts: 1 });
});

it('shows its user a failure after ten seconds, not before', async () => {
  const refused = await against([503]);
  expect(refused).toMatchObject({ ok: false, why: '503 Service Unavailable' });
  expect(refused.milliseconds).toBeGreaterThan(9000);
  const silent = await against(['timeout']);
  expect(silent).toMatchObject({ ok: false, why: 'timeout', attempts: 2 });
  expect(silent.milliseconds).toBeGreaterThanOrEqual(9900);
});

it('tells of each setback, and takes no connection for one', async () => {
  const setbacks: string[] = [];
  let times = 0;
  const outcome = await against([480, 200], {
    again: [480],
    onSetback: (why) => setbacks.push(why),
    async flow() {
      if (times++ === 0) throw new Error('closed by the server');
      return flow;
    },
  });
  expect(outcome).toMatchObject({ ok: true, attempts: 3 });
  expect(setbacks).toEqual(['no connection: closed by the server', '480 Temporarily Unavailable']);
});
