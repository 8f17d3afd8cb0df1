// Plain SIP over UDP and TCP from the two tools that every SIP operator has.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../peers/process.ts';
import { sippUser, startSipp } from '../peers/sipp.ts';
import { type System, startSystem } from '../system.ts';

let system: System;
const passwords = new Map<string, string>();
const names = Array.from({ length: 10 }, (_, index) => `load${index}`);

beforeAll(async () => {
  // sipsak looks every domain up, and localhost is the one that always has an address.
  system = await startSystem({ domain: 'localhost' });
  for (const name of names) passwords.set(name, await system.createUser(name));
});
afterAll(() => system?.stop());

const signIn = (name: string): string => sippUser(name, passwords.get(name) ?? '');

describe('sipp', () => {
  it.each(['u1', 't1'] as const)('registers 200 times with digest over %s', async (transport) => {
    const sipp = await startSipp({
      scenario: 'register',
      server: `127.0.0.1:${system.port(transport === 'u1' ? 'sip-udp' : 'sip-tcp')}`,
      domain: system.domain,
      transport,
      users: names.map(signIn),
      calls: 200,
    });
    expect(await sipp.exited, sipp.output()).toBe(0);
  });

  it('sends 200 messages that another sipp receives', async () => {
    const server = `127.0.0.1:${system.port('sip-udp')}`;
    const receiver = 'receiver';
    passwords.set(receiver, await system.createUser(receiver));
    const registration = await startSipp({
      scenario: 'register',
      server,
      domain: system.domain,
      users: [signIn(receiver)],
      calls: 1,
    });
    expect(await registration.exited, registration.output()).toBe(0);
    const answering = await startSipp({
      scenario: 'answer-message',
      server,
      domain: system.domain,
      localPort: registration.localPort,
      calls: 200,
    });
    const sending = await startSipp({
      scenario: 'message',
      server,
      domain: system.domain,
      users: names.map((name) => sippUser(name, passwords.get(name) ?? '', receiver)),
      calls: 200,
    });
    expect(await sending.exited, sending.output()).toBe(0);
    expect(await answering.exited, answering.output()).toBe(0);
  });
});

describe('sipsak', () => {
  it('gets an answer to OPTIONS', async () => {
    const sipsak = run('sipsak', ['-vv', '-s', 'sip:localhost', '-r', String(system.port('sip-udp'))]);
    expect(await sipsak.exited, sipsak.output()).toBe(0);
  });

  it('registers with digest', async () => {
    const password = passwords.get('load0') ?? '';
    const server = ['-s', 'sip:load0@localhost', '-r', String(system.port('sip-udp'))];
    const sipsak = run('sipsak', [
      '-U',
      '-C',
      'sip:load0@127.0.0.1:9',
      ...server,
      '-u',
      'load0',
      '-a',
      password,
      '-x',
      '300',
      '-vv',
    ]);
    expect(await sipsak.exited, sipsak.output()).toBe(0);
  });
});
