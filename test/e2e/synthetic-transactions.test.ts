// `linchpin test` does as people would: against an installation on one machine, by the same command that charts/linchpin runs.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type System, startSystem } from '../system.ts';

let system: System;
beforeAll(async () => {
  system = await startSystem();
});
afterAll(() => system?.stop());

const results = async (
  ...args: string[]
): Promise<{ transaction: string; result: string; error: string }[]> =>
  JSON.parse(await system.cli('test', ...args, '--ca', system.caFile, '-o', 'json'));

describe('synthetic transactions', () => {
  it.each(['sip-tls', 'access-tls'])('succeed at %s with users that are deleted again', async (endpoint) => {
    const outcome = await results('--server', `127.0.0.1:${system.port(endpoint)}`);
    expect(outcome.map(({ transaction, result, error }) => [transaction, result, error])).toEqual([
      ['registration', 'success', ''],
      ['presence', 'success', ''],
      ['im', 'success', ''],
    ]);
    expect(await system.cli('get', 'users')).not.toContain('check-');
  });

  it('say what failed, with an exit code', async () => {
    const nowhere = results('registration', '--server', '127.0.0.1:1').catch((error) => error);
    expect(await nowhere).toMatchObject({
      code: 1,
      stdout: expect.stringContaining('127.0.0.1:1 takes no connection'),
    });
  });
});
