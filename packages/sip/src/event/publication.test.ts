import { describe, expect, it } from 'vitest';
import { createEtag, nextExpiry, type Publication, type PublishOutcome, publish } from './publication.ts';

const now = 1_000_000;
let count = 0;
const rules = {
  now,
  limits: { min: 60, default: 600, max: 900 },
  makeEtag: () => `tag${++count}`,
};

const phone: Publication<string> = { etag: 'phone1', expiresAt: now + 500_000, state: 'ringing' };
const desk: Publication<string> = { etag: 'desk1', expiresAt: now + 200_000, state: 'typing' };

function accepted(outcome: PublishOutcome<string>) {
  if (outcome.status !== 200) throw new Error(`refused with ${outcome.status}`);
  return outcome;
}

describe('RFC 3903 6: an initial publication', () => {
  it('is stored beside the others under a new entity tag', () => {
    const outcome = accepted(publish([phone], { state: 'away', expires: 300 }, rules));
    expect(outcome.change).toBe('created');
    expect(outcome.publications).toEqual([
      phone,
      { etag: outcome.etag, expiresAt: now + 300_000, state: 'away' },
    ]);
    expect(outcome.headers).toEqual([
      ['sip-etag', outcome.etag],
      ['expires', '300'],
    ]);
  });

  it('gets the default duration, and never more than the most', () => {
    expect(accepted(publish([], { state: 'away' }, rules)).expires).toBe(600);
    expect(accepted(publish([], { state: 'away', expires: 5000 }, rules)).expires).toBe(900);
  });

  it('is refused without a body (step 5)', () => {
    expect(publish([phone], { expires: 300 }, rules)).toMatchObject({ status: 400 });
  });

  it('stores nothing when it is to expire at once (step 5)', () => {
    const outcome = accepted(publish([phone], { state: 'away', expires: 0 }, rules));
    expect(outcome.publications).toEqual([phone]);
    expect(outcome.change).toBe('removed');
  });

  it('gets 423 with Min-Expires when too brief (step 4)', () => {
    expect(publish([], { state: 'away', expires: 5 }, rules)).toEqual({
      status: 423,
      reason: 'Interval Too Brief',
      headers: [['min-expires', '60']],
    });
  });
});

describe('RFC 3903 4.3 to 4.5: a publication that is there', () => {
  it('is refreshed without a body: new tag, new end, same state and place', () => {
    const outcome = accepted(publish([phone, desk], { ifMatch: 'phone1', expires: 900 }, rules));
    expect(outcome.change).toBe('refreshed');
    expect(outcome.publications).toEqual([
      { etag: outcome.etag, expiresAt: now + 900_000, state: 'ringing' },
      desk,
    ]);
    expect(outcome.etag).not.toBe('phone1');
  });

  it('is modified by a body', () => {
    const outcome = accepted(publish([phone, desk], { ifMatch: 'desk1', state: 'idle' }, rules));
    expect(outcome.change).toBe('modified');
    expect(outcome.publications[1]).toMatchObject({ state: 'idle', etag: outcome.etag });
  });

  it('is removed by Expires 0, and the answer still has a tag and Expires (step 6)', () => {
    const outcome = accepted(publish([phone, desk], { ifMatch: 'phone1', expires: 0 }, rules));
    expect(outcome.change).toBe('removed');
    expect(outcome.publications).toEqual([desk]);
    expect(outcome.headers).toEqual([
      ['sip-etag', outcome.etag],
      ['expires', '0'],
    ]);
  });
});

describe('RFC 3903 6 step 3: the precondition', () => {
  it('fails with 412 for an unknown tag', () => {
    expect(publish([phone], { ifMatch: 'other', state: 'away' }, rules)).toMatchObject({ status: 412 });
  });

  it('fails for the tag before the last', () => {
    const { publications } = accepted(publish([phone], { ifMatch: 'phone1' }, rules));
    expect(publish(publications, { ifMatch: 'phone1' }, rules)).toMatchObject({ status: 412 });
  });

  it('fails for a publication whose time is over (4.3)', () => {
    const later = { ...rules, now: now + 200_000 };
    expect(publish([phone, desk], { ifMatch: 'desk1' }, later)).toMatchObject({ status: 412 });
  });

  it('comes before the check of the duration', () => {
    expect(publish([], { ifMatch: 'x', expires: 5 }, rules)).toMatchObject({ status: 412 });
  });

  it.each(['a, b', '', '"quoted"'])('is refused with 400 when it is not one entity tag: %j', (ifMatch) => {
    expect(publish([phone], { ifMatch, state: 'away' }, rules)).toMatchObject({ status: 400 });
  });
});

describe('RFC 3903 6: the records', () => {
  it('are not altered, so that a failed store leaves them as they were', () => {
    const before = [structuredClone(phone), structuredClone(desk)];
    publish(before, { ifMatch: 'phone1', state: 'x' }, rules);
    publish(before, { ifMatch: 'desk1', expires: 0 }, rules);
    expect(before).toEqual([phone, desk]);
  });

  it('lose those that have expired', () => {
    const outcome = accepted(publish([phone, desk], { state: 'away' }, { ...rules, now: now + 300_000 }));
    expect(outcome.publications.map((one) => one.state)).toEqual(['ringing', 'away']);
  });

  it('tell when the first of them expires', () => {
    expect(nextExpiry([phone, desk])).toBe(desk.expiresAt);
    expect(nextExpiry([])).toBeUndefined();
  });

  it('have entity tags that differ', () => {
    expect(new Set(Array.from({ length: 100 }, createEtag)).size).toBe(100);
  });
});
