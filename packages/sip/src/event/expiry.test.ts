import { describe, expect, it } from 'vitest';
import { grantExpires, grantPublicationExpires } from './expiry.ts';

const limits = { min: 60, default: 600, max: 900 };

describe('RFC 6665 4.2.1.1: the duration of a subscription', () => {
  it.each([
    [undefined, 600],
    [0, 0],
    [60, 60],
    [300, 300],
    [900, 900],
    [86_400, 900],
  ])('%s seconds asked for are %s granted', (requested, expires) => {
    expect(grantExpires(requested, limits)).toEqual({ ok: true, expires });
  });

  it('refuses what is too brief and tells the least', () => {
    expect(grantExpires(59, limits)).toEqual({ ok: false, minExpires: 60 });
  });

  it('refuses nothing of an hour or more, whatever the least is', () => {
    const long = { min: 7200, default: 7200, max: 10_000 };
    expect(grantExpires(3599, long)).toEqual({ ok: false, minExpires: 7200 });
    expect(grantExpires(3600, long)).toEqual({ ok: true, expires: 3600 });
  });

  it('grants no default beyond the most', () => {
    expect(grantExpires(undefined, { min: 60, default: 600, max: 300 })).toEqual({ ok: true, expires: 300 });
  });
});

describe('RFC 3903 6 step 4: the duration of a publication', () => {
  it('refuses an hour as well when that is less than the least', () => {
    const long = { min: 7200, default: 7200, max: 10_000 };
    expect(grantPublicationExpires(3600, long)).toEqual({ ok: false, minExpires: 7200 });
    expect(grantPublicationExpires(0, long)).toEqual({ ok: true, expires: 0 });
  });
});
