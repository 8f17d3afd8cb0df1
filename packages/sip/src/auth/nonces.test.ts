import { describe, expect, test } from 'vitest';
import { createNonces, type NonceOptions } from './nonces.ts';

function clocked(options: NonceOptions = {}) {
  let time = 1_700_000_000_000;
  const nonces = createNonces({ now: () => time, ...options });
  const pass = (milliseconds: number) => {
    time += milliseconds;
  };
  return { nonces, pass };
}

describe('a nonce', () => {
  test('is ours, each is another', () => {
    const { nonces } = clocked();
    const nonce = nonces.issue();
    expect(nonce).toMatch(/^[A-Za-z0-9_-]{44}$/);
    expect(nonces.issue()).not.toBe(nonce);
    expect(nonces.examine(nonce)).toBe('ok');
  });

  test('for a named request is the same for a while, and for no other request', () => {
    let now = 4_000_000;
    const nonces = createNonces({ now: () => now });
    const first = nonces.issue('branch call 1');
    now += 3999;
    expect(nonces.issue('branch call 1')).toBe(first);
    expect(nonces.issue('branch call 2')).not.toBe(first);
    now += 1;
    expect(nonces.issue('branch call 1')).not.toBe(first);
    expect([nonces.check(first, 1), nonces.check(first, 1)]).toEqual(['ok', 'replayed']);
  });

  test('is forged when any of its characters is another', () => {
    const { nonces } = clocked();
    const nonce = nonces.issue();
    for (let i = 0; i < nonce.length; i++) {
      const changed = nonce.slice(0, i) + (nonce[i] === 'A' ? 'B' : 'A') + nonce.slice(i + 1);
      expect(nonces.check(changed, 1)).toBe('forged');
    }
    for (const text of ['', 'x', `${nonce}A`, nonce.slice(1), '='.repeat(44), '\xff'.repeat(44)]) {
      expect(nonces.check(text, 1)).toBe('forged');
    }
    expect(createNonces().check(nonce, 1)).toBe('forged');
  });

  test('is good for its lifetime', () => {
    const { nonces, pass } = clocked({ lifetime: 60 });
    const nonce = nonces.issue();
    pass(60_000);
    expect(nonces.check(nonce, 1)).toBe('ok');
    pass(1);
    expect([nonces.check(nonce, 2), nonces.examine(nonce)]).toEqual(['stale', 'stale']);
  });

  test('of a server with the same key is good here, unless it is from the future', () => {
    const key = Buffer.alloc(32, 7);
    const there = clocked({ key });
    const here = clocked({ key });
    there.pass(29_000);
    expect(here.nonces.check(there.nonces.issue(), 1)).toBe('ok');
    there.pass(2000);
    expect(here.nonces.check(there.nonces.issue(), 1)).toBe('stale');
  });
});

describe('nonce counts', () => {
  test('are remembered as long as their nonces are good, however many come in between', () => {
    const { nonces, pass } = clocked({ capacity: 1000, lifetime: 60 });
    const first = nonces.issue();
    const answers = (count: number) => Array.from({ length: count }, () => nonces.check(nonces.issue(), 1));
    expect(nonces.check(first, 1)).toBe('ok');
    pass(1);
    expect(new Set(answers(500))).toEqual(new Set(['ok']));
    expect([nonces.check(first, 1), nonces.check(first, 2)]).toEqual(['replayed', 'ok']);
    pass(59_999);
    expect(new Set(answers(10))).toEqual(new Set(['ok']));
    expect(nonces.check(first, 2)).toBe('replayed');
  });

  test('are each good once, in any order inside the window', () => {
    const { nonces } = clocked();
    const nonce = nonces.issue();
    const use = (...counts: number[]) => counts.map((nc) => nonces.check(nonce, nc));
    expect(use(1, 1, 3, 2, 2, 3)).toEqual(['ok', 'replayed', 'ok', 'ok', 'replayed', 'replayed']);
    expect(use(40, 9, 8, 9, 10, 39)).toEqual(['ok', 'ok', 'replayed', 'replayed', 'ok', 'ok']);
    expect(use(0xffffffff, 0xfffffffe, 41, 0xffffffff)).toEqual(['ok', 'ok', 'replayed', 'replayed']);
  });

  test('agree with a list of all that was used', () => {
    const { nonces } = clocked();
    const nonce = nonces.issue();
    const used = new Set<number>();
    let highest = 0;
    for (let i = 0; i < 2000; i++) {
      const nc = 1 + Math.max(0, Math.floor(i / 3) + ((i * 7919) % 67) - 33);
      const fresh = !used.has(nc) && nc > highest - 32;
      expect([nc, nonces.check(nonce, nc)]).toEqual([nc, fresh ? 'ok' : 'replayed']);
      if (fresh) used.add(nc);
      highest = Math.max(highest, nc);
    }
  });

  test('without qop, a nonce is good for one request', () => {
    const { nonces } = clocked();
    const [once, mixed] = [nonces.issue(), nonces.issue()];
    expect([nonces.check(once, 0), nonces.check(once, 0), nonces.check(once, 1)]).toEqual([
      'ok',
      'stale',
      'stale',
    ]);
    expect([nonces.check(mixed, 1), nonces.check(mixed, 0)]).toEqual(['ok', 'stale']);
  });

  test('examining uses nothing up', () => {
    const { nonces } = clocked();
    const nonce = nonces.issue();
    nonces.examine(nonce);
    expect([nonces.check(nonce, 1), nonces.examine(nonce)]).toEqual(['ok', 'ok']);
  });

  test('are those of the nonce at hand, whatever was examined or issued in between', () => {
    const { nonces } = clocked();
    const [a, b] = [nonces.issue(), nonces.issue()];
    nonces.examine(a);
    expect(nonces.check(b, 1)).toBe('ok');
    nonces.examine(a);
    nonces.issue();
    expect(nonces.check(a, 1)).toBe('ok');
    nonces.examine(a);
    expect(nonces.check(`${b.slice(0, -1)}${b.endsWith('A') ? 'B' : 'A'}`, 2)).toBe('forged');
    expect([nonces.check(a, 1), nonces.check(b, 1)]).toEqual(['replayed', 'replayed']);
  });

  test('beyond the capacity the first used are forgotten, and then not taken again', () => {
    const { nonces, pass } = clocked({ capacity: 2 });
    const issue = () => {
      pass(10);
      return nonces.issue();
    };
    const unused = issue();
    const [a, b, c] = [issue(), issue(), issue()];
    expect([a, b, c].map((nonce) => nonces.check(nonce, 1))).toEqual(['ok', 'ok', 'ok']);
    expect(nonces.check(a, 1)).toBe('stale');
    expect(nonces.check(unused, 1)).toBe('stale');
    expect([nonces.check(b, 1), nonces.check(b, 2), nonces.check(c, 2)]).toEqual(['replayed', 'ok', 'ok']);
    expect(nonces.check(issue(), 1)).toBe('ok');
  });

  test('room is made by what expired before anything else is forgotten', () => {
    const { nonces, pass } = clocked({ capacity: 2, lifetime: 60 });
    const early = nonces.issue();
    expect(nonces.check(early, 1)).toBe('ok');
    pass(50_000);
    const [late, unused] = [nonces.issue(), nonces.issue()];
    expect(nonces.check(late, 1)).toBe('ok');
    pass(20_000);
    expect(nonces.check(nonces.issue(), 1)).toBe('ok');
    expect([nonces.check(late, 1), nonces.examine(unused)]).toEqual(['replayed', 'ok']);
  });
});
