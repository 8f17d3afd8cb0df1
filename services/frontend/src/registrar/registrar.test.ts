import { type Flow, SipRequest } from '@linchpin/sip';
import type { EffectiveUser } from '@linchpin/topology';
import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import type { Call } from '../signaling/call.ts';
import type { Binding } from './binding.ts';
import { createRegistrar } from './registrar.ts';

const limits = {
  maxEndpointsPerUser: 2,
  maxUserCount: 2,
  minExpires: 300,
  defaultExpires: 600,
  maxExpires: 900,
};

/** A registrar whose store is a map, and in which only the flow `open` is there. */
function registrarWith(stored: Record<string, Binding[]> = {}) {
  const users = new Map(Object.entries(stored));
  const changed: string[] = [];
  const handle = createRegistrar({
    bindings: {
      of: (aor) => users.get(aor) ?? [],
      store: async (aor, bindings) => void users.set(aor, bindings),
      remove() {},
      users: () => users,
      count: 0,
      usersOf: () => [],
      take() {},
      release() {},
      stop() {},
    },
    watch: { watch() {}, gone() {}, stop() {} },
    isHere: () => true,
    homed: (aor) => ({ aor, registrar: limits }) as EffectiveUser,
    isOpen: ({ flowId }) => flowId === 'open',
    onChange: (aor) => changed.push(aor),
    flowTimer: 120,
    log: pino({ level: 'silent' }),
    now: () => 1_000_000,
  });
  return { users, changed, register: (aor: string, contact: string) => handle(callOf(aor, contact)) };
}

function callOf(aor: string, contact: string): Call {
  const request = SipRequest.create('REGISTER', 'sip:contoso.lab', [
    ['Via', 'SIP/2.0/TCP 192.0.2.1;branch=z9hG4bK1'],
    ['To', `<${aor}>`],
    ['Call-ID', 'new'],
    ['CSeq', '1 REGISTER'],
    ['Contact', contact],
  ]);
  const flow = { id: 'open', transport: 'tcp', remote: { address: '192.0.2.1', port: 4000 } } as Flow;
  return { request, flow, identity: aor, traceparent: '', reply() {}, refuse() {} };
}

const held = (contact: string, flowId: string): Binding => ({
  contact,
  flowId,
  callId: 'old',
  cseq: 1,
  transport: 'tcp',
  received: '192.0.2.1:3000',
  expiresAt: 2_000_000,
  path: [],
  q: 1,
});

describe('the registrar', () => {
  test('serves as many users as it may, and those it serves already', async () => {
    const { users, register } = registrarWith({ 'sip:a@b': [held('sip:a@1', 'open')] });
    await register('sip:c@b', '<sip:c@1>');
    await expect(register('sip:e@b', '<sip:e@1>')).rejects.toMatchObject({ status: 503, rule: 'max-users' });
    await register('sip:a@b', '<sip:a@2>');
    expect([...users.keys()]).toEqual(['sip:a@b', 'sip:c@b']);
  });

  test('gives the place of an endpoint that has lost its connection to another', async () => {
    const { users, register } = registrarWith({
      'sip:a@b': [held('sip:a@1', 'open'), held('sip:a@2', 'closed')],
    });
    await register('sip:a@b', '<sip:a@3>');
    expect(users.get('sip:a@b')?.map(({ contact }) => contact)).toEqual(['sip:a@1', 'sip:a@3']);
    await expect(register('sip:a@b', '<sip:a@4>')).rejects.toMatchObject({
      status: 403,
      rule: 'max-endpoints',
    });
  });

  test('counts several contacts of one device once, and tells who has changed', async () => {
    const { changed, register } = registrarWith({});
    const device = '+sip.instance="<urn:uuid:1>"';
    for (const contact of ['<sip:a@1>', '<sip:a@2>']) await register('sip:a@b', `${contact};${device}`);
    await register('sip:a@b', '<sip:a@3>');
    expect(changed).toHaveLength(3);
  });
});
