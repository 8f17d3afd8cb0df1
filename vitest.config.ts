import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['{packages,services,cli,proto,scripts}/**/*.test.ts', 'test/**/*.test.ts'],
    // Roles, PostgreSQL and foreign clients are real processes: few files at a time keeps their timing honest.
    maxWorkers: 2,
    pool: 'forks',
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // How long something may take that comes by itself; of that a machine under load decides.
    expect: { poll: { timeout: 10_000, interval: 20 } },
    reporters: ['default', './scripts/closing-line.ts'],
  },
});
