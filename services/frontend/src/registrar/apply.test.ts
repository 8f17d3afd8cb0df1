import { describe, expect, test } from 'vitest';
import { type Arrival, applyRegistration } from './apply.ts';
import type { Binding } from './binding.ts';
import type { Registration, WantedContact } from './registration.ts';

const arrival: Arrival = {
  callId: 'c1',
  cseq: 2,
  flowId: 'f2',
  transport: 'tcp',
  received: '192.0.2.1:4000',
  sentBy: '192.0.2.9:5060',
  userAgent: undefined,
  now: 1_000_000,
};
const { now: _now, ...from } = arrival;
const held = (contact: string, more: Partial<Binding> = {}): Binding => ({
  ...from,
  contact,
  cseq: 1,
  flowId: 'f1',
  expiresAt: 1_300_000,
  path: [],
  q: 1,
  ...more,
});
const wants = (...contacts: Partial<WantedContact>[]): Registration => ({
  removeAll: false,
  outbound: false,
  path: [],
  contacts: contacts.map((contact) => ({
    contact: 'sip:a@b',
    params: '',
    instance: undefined,
    regId: undefined,
    q: 1,
    expires: 600,
    ...contact,
  })),
});
const uris = (bindings: Binding[]) => bindings.map(({ contact }) => contact);

describe('a registration', () => {
  test('adds, refreshes in place and removes', () => {
    const current = [held('sip:a@b'), held('sip:c@d')];
    const wanted = wants({}, { contact: 'sip:c@d', expires: 0 }, { contact: 'sip:e@f' });
    const { bindings, added, removed } = applyRegistration(current, wanted, arrival);
    expect(uris(bindings)).toEqual(['sip:a@b', 'sip:e@f']);
    expect(bindings[0]).toMatchObject({ flowId: 'f2', cseq: 2, expiresAt: 1_600_000 });
    expect([uris(added), uris(removed)]).toEqual([['sip:e@f'], ['sip:c@d']]);
    expect(current).toHaveLength(2);
  });

  test('knows a contact by URI comparison (RFC 3261 19.1.4)', () => {
    const { bindings } = applyRegistration([held('sip:a@B;x=1')], wants({ contact: 'sip:a@b;x=1' }), arrival);
    expect(uris(bindings)).toEqual(['sip:a@b;x=1']);
    const other = applyRegistration([held('sip:a@b;transport=tcp')], wants({}), arrival);
    expect(other.bindings).toHaveLength(2);
  });

  test('with reg-id knows it by device and flow number (RFC 5626 6)', () => {
    const current = [held('sip:a@old', { instance: 'urn:1', regId: 1 })];
    const wanted = wants({ contact: 'sip:a@new', instance: 'urn:1', regId: 1 });
    expect(uris(applyRegistration(current, wanted, arrival).bindings)).toEqual(['sip:a@new']);
    const second = wants({ contact: 'sip:a@new', instance: 'urn:1', regId: 2 });
    expect(applyRegistration(current, second, arrival).bindings).toHaveLength(2);
  });

  test('that has made what it changes is one repeated, from where it came', () => {
    const current = [held('sip:a@b', { cseq: 2 })];
    const { bindings, added, removed } = applyRegistration(current, wants({}), arrival);
    expect(bindings).toMatchObject([{ contact: 'sip:a@b', cseq: 2, flowId: 'f2' }]);
    expect([added, removed]).toEqual([[], []]);
    const elsewhere = { ...arrival, received: '192.0.2.7:4000' };
    expect(() => applyRegistration(current, wants({}), elsewhere)).toThrow(/CSeq/);
    expect(() => applyRegistration(current, wants({ expires: 0 }), arrival)).toThrow(/CSeq/);
  });

  test('that is older than what it changes changes nothing', () => {
    const current = [held('sip:a@b', { cseq: 3 })];
    expect(() => applyRegistration(current, wants({ contact: 'sip:new@b' }, {}), arrival)).toThrow(/CSeq/);
    expect(() => applyRegistration(current, { ...wants(), removeAll: true }, arrival)).toThrow(/CSeq/);
    expect(
      applyRegistration(current, wants({}), { ...arrival, callId: 'c2', cseq: 1 }).bindings,
    ).toHaveLength(1);
  });
});
