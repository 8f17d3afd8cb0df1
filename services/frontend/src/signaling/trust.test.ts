import { expect, test } from 'vitest';
import { closed, inward } from './frames.ts';
import { createTrust } from './trust.ts';

const roles: Record<string, string> = {
  'edge-0': 'edge',
  'edge-1': 'edge',
  'frontend-1': 'frontend',
  'frontend-2': 'frontend',
  'director-0': 'director',
  'persistent-chat-0': 'persistent-chat',
  'persistent-chat-1': 'persistent-chat',
};
const ROOM = 'sip:room-sales@contoso.lab';
const ALICE = 'sip:alice@contoso.lab';
const trust = createTrust({
  pod: 'frontend-0',
  roleOf: (pod) => roles[pod],
  isRoom: (aor) => aor.startsWith('sip:room-'),
});
const teller = (pod: string) => ({ pod, role: roles[pod] ?? '' });
const frame = (flow: string, hops = 0, identity = ALICE) =>
  inward(
    { id: flow, transport: 'tls', remote: { address: '', port: 0 }, sentBy: '' } as never,
    Buffer.alloc(0),
    {
      ...{ identity, hops },
      traceparent: '',
    },
  );

test.each([
  ['a Director of an Edge', 'director-0', 'edge-0/1', true],
  ['a Director of an Edge that is not known yet', 'director-0', 'edge-9/1', true],
  ['a Director of a Front End', 'director-0', 'frontend-1/1', false],
  ['a Director of this pod', 'director-0', 'frontend-0/1', false],
  ['a Front End of itself', 'frontend-1', 'frontend-1/1', true],
  ['a Front End of an Edge, as a Director has told it', 'frontend-1', 'edge-0/1', true],
  ['a Front End of another', 'frontend-1', 'frontend-2/1', false],
  ['a Front End of this pod', 'frontend-1', 'frontend-0/1', false],
  ['Persistent Chat of itself', 'persistent-chat-0', 'persistent-chat-0/room/a', true],
  ['Persistent Chat of an Edge', 'persistent-chat-0', 'edge-0/1', false],
])('the end of a flow is told by %s: %s %s', (_, from, flow, isBelieved) => {
  expect(trust.mayEnd(closed(flow), teller(from))).toBe(isBelieved);
});

test.each([
  ['a Director from an Edge', 'director-0', frame('edge-0/1'), true],
  ['a Director from a Front End', 'director-0', frame('frontend-1/1'), false],
  ['a Director in the name of a room', 'director-0', frame('edge-0/1', 0, ROOM), false],
  ['a Front End from a client of its own', 'frontend-1', frame('frontend-1/1', 1), true],
  ['a Front End from an Edge', 'frontend-1', frame('edge-0/1', 1), true],
  ['a Front End from an Edge, by itself', 'frontend-1', frame('edge-0/1', 0), false],
  ['a Front End from a room', 'frontend-1', frame('persistent-chat-0/room/a', 1, ROOM), true],
  ['a Front End from another at once', 'frontend-1', frame('frontend-2/1', 1), false],
  ['a Front End from another that had it before', 'frontend-1', frame('frontend-2/1', 2), true],
  ['a Front End to where it has come from', 'frontend-1', frame('frontend-0/1', 2), true],
  ['Persistent Chat from itself', 'persistent-chat-0', frame('persistent-chat-0/room/a', 0, ROOM), true],
  ['Persistent Chat as a user', 'persistent-chat-0', frame('persistent-chat-0/room/a'), false],
  ['Persistent Chat from another', 'persistent-chat-0', frame('persistent-chat-1/room/a', 0, ROOM), false],
  ['Persistent Chat from an Edge', 'persistent-chat-0', frame('edge-0/1', 0, ROOM), false],
])('a request is brought by %s', (_, from, brought, isBelieved) => {
  expect(trust.mayBring(brought, teller(from))).toBe(isBelieved);
});

test.each([
  ['frontend-1', 'frontend-1/1', true],
  ['frontend-1', 'frontend-2/1', false],
  ['frontend-1', 'edge-0/1', false],
  ['director-0', 'edge-0/1', false],
  ['persistent-chat-0', 'persistent-chat-0/room/a', false],
])('a response is brought by %s of %s: %s', (from, flow, isBelieved) => {
  expect(trust.mayAnswer(frame(flow), teller(from))).toBe(isBelieved);
});
