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
const found = (): SipResponse => SipResponse.to(cancel(), 200);
const denial = (): SipResponse => SipResponse.to(cancel(), 481);

const remote = (id: string, deliver: (bytes: Uint8Array) => boolean): RemoteFlow => {
  const facts = { transport: 'tls', remote: { address: '192.0.2.1', port: 1 }, sentBy: 'edge:5061' } as const;
  const flow = new RemoteFlow({ id, host: 'frontend-0.contoso.lab', facts, deliver, hangUp() {} });
  flow.identity = 'sip:alice@contoso.lab';
  return flow;
};

function setUp() {
  let time = 0;
  const frames: [to: string, frame: Frame][] = [];
  const told: [to: string, frame: Frame][] = [];
  const heard: number[] = [];
  let others = ['frontend-1', 'frontend-2'];
  let ledTo: string | undefined;
  const flow = remote(FLOW, (bytes) => heard.push((parseMessage(bytes) as SipResponse).status) > 0);
  const cancels = createCancels(
    {
      others: () => others,
      ask: (to, frame) => frames.push([to, frame]) > 0,
      tell: (to, frame) => told.push([to, frame]) > 0,
      find: (id): Flow | undefined => (id === FLOW ? flow : undefined),
      ledTo: () => ledTo,
    },
    () => time,
  );
  return {
    ...{ cancels, flow, frames, told, heard },
    alone() {
      others = [];
    },
    leads(to: string) {
      ledTo = to;
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
  cancels.answered(denial(), FLOW, 'frontend-1');
  cancels.answered(denial(), FLOW, 'frontend-1');
  cancels.answered(denial(), FLOW, 'edge-0');
  expect(heard).toEqual([]);
  cancels.answered(denial(), FLOW, 'frontend-2');
  expect([heard, cancels.size]).toEqual([[481], 0]);
});

test('whoever has gone says no', () => {
  const { cancels, flow, heard } = setUp();
  cancels.take(cancel(), flow);
  cancels.podGone('frontend-2');
  cancels.answered(denial(), FLOW, 'frontend-1');
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
  const { cancels, heard, leads } = setUp();
  leads('frontend-1');
  cancels.answered(denial(), FLOW, 'frontend-1');
  cancels.answered(found(), FLOW, 'frontend-1');
  cancels.answered(denial(), FLOW, 'frontend-2');
  expect(heard).toEqual([481]);
});

test('a no to a question that is not open any more is for nobody', () => {
  const { cancels, flow, heard, pass } = setUp();
  cancels.take(cancel(), flow);
  pass(33_000);
  cancels.take(cancel('z9hG4bK2'), flow);
  cancels.answered(denial(), FLOW, 'frontend-1');
  expect(heard).toEqual([]);
});

test('a question is over when one has the INVITE, whatever becomes of that one, and of the others', () => {
  const { cancels, flow, heard } = setUp();
  cancels.take(cancel(), flow);
  cancels.answered(found(), FLOW, 'frontend-1');
  expect(cancels.size).toBe(0);
  cancels.answered(denial(), FLOW, 'frontend-2');
  cancels.podGone('frontend-1');
  expect(heard).toEqual([]);
});

test('who is asked tells who has asked when it has the INVITE, and nobody else is told', () => {
  const { cancels, flow, told } = setUp();
  flow.from = 'frontend-2';
  cancels.brought(cancel(), flow, () => {});
  flow.hops = 1;
  cancels.brought(found(), flow, () => {});
  const missed = cancel();
  cancels.brought(missed, flow, () => void cancels.take(missed, flow));
  cancels.brought(cancel(), flow, () => {});
  expect(told.map(([to, { message }]) => `${to} ${(parseMessage(message) as SipResponse).status}`)).toEqual([
    'frontend-2 481',
    'frontend-2 200',
  ]);
});

test('a client has a bounded number of questions open, and a copy is none', () => {
  const { cancels, flow, frames } = setUp();
  const ask = (n: number, from = flow) => cancels.take(cancel(`z9hG4bK-${n}`), from);
  for (let n = 0; n < 20; n++) expect(ask(n)).toBe(true);
  expect([ask(0), ask(20), frames.length]).toEqual([true, false, 40]);
  expect(
    ask(
      20,
      remote('edge-0/b.1', () => true),
    ),
  ).toBe(true);
  cancels.answered(SipResponse.to(cancel('z9hG4bK-7'), 200), FLOW, 'frontend-1');
  expect([ask(20), ask(21)]).toEqual([true, false]);
});

test('where too many are open nobody is asked, and none of them gives way until its time is over', () => {
  const { cancels, flow, frames, heard, pass } = setUp();
  cancels.take(cancel(), flow);
  for (let n = 0; n < 3000; n++) {
    const asks = cancels.take(
      cancel(),
      remote(`edge-0/b.${n}`, () => true),
    );
    expect(asks).toBe(n < 1999);
  }
  expect([cancels.size, frames.length]).toEqual([2000, 4000]);
  cancels.answered(denial(), FLOW, 'frontend-1');
  cancels.answered(denial(), FLOW, 'frontend-2');
  expect(heard).toEqual([481]);
  pass(33_000);
  expect([cancels.take(cancel('z9hG4bK2'), flow), cancels.size]).toEqual([true, 1]);
});
