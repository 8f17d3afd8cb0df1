// Clocks that were, or are, wrong; and what happens when time is over.
import { X509Certificate } from 'node:crypto';
import {
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createAuthority } from './authority.ts';
import { whyUnusable } from './root.ts';

let dir: string;
const path = (name: string) => join(dir, name);
const certificate = (name: string) => new X509Certificate(readFileSync(path(name)));
const leaf = () => ({
  ...{ name: 'edge-0', dns: ['localhost'] },
  ...{ certPath: path('edge.pem'), keyPath: path('edge.key') },
});
const at = (time: string) => vi.useFakeTimers({ toFake: ['Date'], now: new Date(time) });

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'linchpin-validity-'));
});
afterEach(() => {
  vi.useRealTimers();
  rmSync(dir, { recursive: true });
});

describe('a certificate', () => {
  test('that has not begun yet is made anew', async () => {
    at('2026-03-01T00:00:00Z');
    await createAuthority(dir).ready();
    at('2026-06-01T00:00:00Z');
    await createAuthority(dir).issue(leaf());
    at('2026-03-02T00:00:00Z');
    expect(await createAuthority(dir).issue(leaf())).toBe(true);
    expect(certificate('edge.pem').validFromDate.getTime()).toBeLessThan(Date.now());
    expect(await createAuthority(dir).issue(leaf())).toBe(false);
  });

  test('that has less than half of its life left is made anew: it has to last until a start a year later', async () => {
    at('2026-03-01T00:00:00Z');
    await createAuthority(dir).issue(leaf());
    at('2027-04-04T00:00:00Z');
    expect(await createAuthority(dir).issue(leaf())).toBe(false);
    at('2027-04-06T00:00:00Z');
    expect(await createAuthority(dir).issue(leaf())).toBe(true);
    expect(await createAuthority(dir).issue(leaf())).toBe(false);
  });

  test('does not outlive the CA, and is not made anew when that cannot help', async () => {
    at('2026-03-01T00:00:00Z');
    const end = await createAuthority(dir).ready();
    at('2036-02-20T00:00:00Z');
    expect(await createAuthority(dir).issue(leaf())).toBe(true);
    expect(certificate('edge.pem').validToDate).toEqual(end);
    expect(await createAuthority(dir).issue(leaf())).toBe(false);
    at('2036-02-26T00:00:00Z');
    expect(await createAuthority(dir).issue(leaf())).toBe(false);
  });
});

describe('a CA', () => {
  test('that has ended is replaced where somebody is told, and kept', async () => {
    at('2010-01-01T00:00:00Z');
    await createAuthority(dir).issue(leaf());
    const old = certificate('ca.pem').fingerprint256;
    at('2026-03-01T00:00:00Z');
    const told: string[] = [];
    const authority = createAuthority(dir, { onNewRoot: (notice) => told.push(notice) });
    expect(await authority.ready()).toEqual(certificate('ca.pem').validToDate);
    expect(await authority.issue(leaf())).toBe(true);
    expect(told.join()).toMatch(/ca\.pem had ended .* to 2019-12-30T00:00:00Z, .* clock says 2026-03-01T00/);
    expect(told.join()).toContain('kept as ca-ended-2019-12-30.pem');
    expect(certificate('ca-ended-2019-12-30.pem').fingerprint256).toBe(old);
    expect(readdirSync(dir)).toContain('ca-ended-2019-12-30.key');
    expect(certificate('edge.pem').verify(certificate('ca.pem').publicKey)).toBe(true);
  });

  test('that was replaced because the clock was ahead is what the next start asks to have back', async () => {
    at('2026-03-01T00:00:00Z');
    await createAuthority(dir).ready();
    const old = certificate('ca.pem').fingerprint256;
    at('2040-01-01T00:00:00Z');
    const told: string[] = [];
    await createAuthority(dir, { onNewRoot: (notice) => told.push(notice) }).issue(leaf());
    expect(told.join()).toMatch(
      /if the clock was ahead, set it right and move that back to ca\.pem, and its key to ca\.key\.$/,
    );
    at('2026-03-02T00:00:00Z');
    await expect(createAuthority(dir, { onNewRoot: () => {} }).ready()).rejects.toThrow(
      /the CA in ca-ended-2036-02-27\.pem beside it was replaced\. .* move it back to ca\.pem, and its key to ca\.key\.$/,
    );
    for (const end of ['pem', 'key']) renameSync(path(`ca-ended-2036-02-27.${end}`), path(`ca.${end}`));
    expect(await createAuthority(dir).issue(leaf())).toBe(true);
    expect(certificate('ca.pem').fingerprint256).toBe(old);
  });

  test('that is kept stays whole when a start died while it wrote the new one', async () => {
    at('2010-01-01T00:00:00Z');
    await createAuthority(dir).ready();
    const key = readFileSync(path('ca.key'), 'utf8');
    for (const end of ['pem', 'key']) copyFileSync(path(`ca.${end}`), path(`ca-ended-2019-12-30.${end}`));
    writeFileSync(path('ca.key'), 'the new one');
    at('2026-03-01T00:00:00Z');
    await createAuthority(dir, { onNewRoot: () => {} }).ready();
    expect(readFileSync(path('ca-ended-2019-12-30.key'), 'utf8')).toBe(key);
  });

  test('that has ended and lost its key is replaced too', async () => {
    at('2010-01-01T00:00:00Z');
    await createAuthority(dir).ready();
    rmSync(path('ca.key'));
    at('2026-03-01T00:00:00Z');
    await createAuthority(dir, { onNewRoot: () => {} }).ready();
    expect(readdirSync(dir).sort()).toEqual(['ca-ended-2019-12-30.pem', 'ca.key', 'ca.pem']);
  });

  test('that has ended is refused where nobody is told', async () => {
    at('2010-01-01T00:00:00Z');
    await createAuthority(dir).ready();
    at('2026-03-01T00:00:00Z');
    await expect(createAuthority(dir).issue(leaf())).rejects.toThrow(
      /ca\.pem is not valid now.*move ca\.pem/,
    );
  });

  test('that has not begun is never replaced: the clock may be wrong', async () => {
    at('2026-03-01T00:00:00Z');
    await createAuthority(dir).ready();
    at('2010-01-01T00:00:00Z');
    await expect(createAuthority(dir, { onNewRoot: () => {} }).ready()).rejects.toThrow(
      /valid from 2026-02-28T23:00:00Z to 2036-02-27T00:00:00Z, and this machine's clock says 2010-01-01T00:00:00Z/,
    );
  });

  test('says to others why it cannot be used', () => {
    expect(whyUnusable('x')).toBe('it is damaged');
  });
});
