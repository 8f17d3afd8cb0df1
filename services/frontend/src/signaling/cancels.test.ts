import type { Frame } from '@linchpin/proto/relay/v1/relay';
import { type Flow, parseMessage, SipRequest, SipResponse } from '@linchpin/sip';
import { expect, test } from 'vitest';
import { createCancels } from './cancels.ts';
import { RemoteFlow } from './remote-flow.ts';

const FLOW = 'edge-0/a.1';

const cancel = (branch = 'z9hG4bK1'): SipRequest =>
  SipRequest.create('CANCEL', 'sip:bob@contoso.lab', [
    ['Via', `SIP/2.0/TLS client.invalid;branch=${branch}`],
    ['From', '<sip:alice@contoso.lab>;tag=a'],
    ['To', '<sip:bob@contoso.lab>'],
    ['Call-ID', 'c'],
    ['CSeq', '1 CANCEL'],
  ]);
const denial = (): SipResponse => SipResponse.to(cancel(), 481);

function setUp() {
  let time = 0;
  const frames: [to: string, frame: Frame][] = [];
  const told: [to: string, frame: Frame][] = [];
  const heard: number[] = [];
  let others = ['frontend-1', 'frontend-2'];
  const facts = { transport: 'tls', remote: { address: '192.0.2.1', port: 1 }, sentBy: 'edge:5061' } as const;
  const deliver = (bytes: Uint8Array) => heard.push((parseMessage(bytes) as SipResponse).status) > 0;
  const flow = new RemoteFlow({ id: FLOW, host: 'frontend-0.contoso.lab', facts, deliver, hangUp() {} });
  flow.identity = 'sip:alice@contoso.lab';
  const cancels = createCancels(
    {
      others: () => others,
      ask: (to, frame) => frames.push([to, frame]) > 0,
      tell: (to, frame) => told.push([to, frame]) > 0,
      find: (id): Flow | undefined => (id === FLOW ? flow : undefined),
    },
    () => time,
  );
  return {
    ...{ cancels, flow, frames, told, heard },
    alone() {
      others = [];
    },
    pass(milliseconds: number) {
      time += milliseconds;
    },
  };
}

test('a CANCEL of which nobody knows is asked of all others, and gets 481 when the last has said no', () => {
  const { cancels, flow, frames, heard } = setUp();
  expect(cancels.take(cancel(), flow)).toBe(true);
  expect(frames).toMatchObject([
    ['frontend-1', { flow: FLOW, hops: 1, identity: 'sip:alice@contoso.lab' }],
    ['frontend-2', { flow: FLOW, hops: 1 }],
  ]);
  cancels.denied(denial(), FLOW, 'frontend-1');
  cancels.denied(denial(), FLOW, 'frontend-1');
  cancels.denied(denial(), FLOW, 'edge-0');
  expect(heard).toEqual([]);
  cancels.denied(denial(), FLOW, 'frontend-2');
  expect([heard, cancels.size]).toEqual([[481], 0]);
});

test('whoever has gone says no', () => {
  const { cancels, flow, heard } = setUp();
  cancels.take(cancel(), flow);
  cancels.podGone('frontend-2');
  cancels.denied(denial(), FLOW, 'frontend-1');
  expect(heard).toEqual([481]);
});

test('there is nobody to ask in a pool of one, nor for a client that nobody has proved to be anybody', () => {
  const { cancels, flow, frames, alone } = setUp();
  flow.identity = '';
  expect(cancels.take(cancel(), flow)).toBe(false);
  flow.identity = 'sip:alice@contoso.lab';
  alone();
  expect([cancels.take(cancel(), flow), frames]).toEqual([false, []]);
});

test('who is asked tells who has asked, and asks nobody', () => {
  const { cancels, flow, frames, told } = setUp();
  flow.hops = 1;
  flow.from = 'frontend-2';
  expect(cancels.take(cancel(), flow)).toBe(true);
  expect([frames, told.map(([to]) => to)]).toEqual([[], ['frontend-2']]);
  expect((parseMessage(told[0]?.[1].message as Buffer) as SipResponse).status).toBe(481);
});

test('the client of a CANCEL that was led to its INVITE hears what is said there', () => {
  const { cancels, heard } = setUp();
  cancels.denied(denial(), FLOW, 'frontend-1');
  cancels.denied(SipResponse.to(cancel(), 200), FLOW, 'frontend-1');
  expect(heard).toEqual([481]);
});

test('questions that are answered elsewhere are forgotten', () => {
  const { cancels, flow, pass } = setUp();
  cancels.take(cancel(), flow);
  pass(33_000);
  cancels.take(cancel('z9hG4bK2'), flow);
  expect(cancels.size).toBe(1);
  for (let n = 0; n < 3000; n++) cancels.take(cancel(`z9hG4bK-${n}`), flow);
  expect(cancels.size).toBeLessThanOrEqual(2000);
});
