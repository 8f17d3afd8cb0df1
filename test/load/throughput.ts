import { freePort } from '@linchpin/backends';
import { sippUser, startSipp } from '../peers/sipp.ts';
import { cpuSeconds } from './cpu.ts';

/** A server under load: where it listens and whose CPU time counts. */
export interface Subject {
  name: string;
  server: string;
  domain: string;
  pids: number[];
}

export interface Throughput {
  calls: number;
  seconds: number;
  cpuSeconds: number;
  /** Completed calls for each CPU second of the server. */
  perCpuSecond: number;
}

const users = (count: number): string[] => Array.from({ length: count }, (_, index) => `u${index}`);
export const loadUsers = users(100);

const cpuOf = (subject: Subject): number => subject.pids.reduce((sum, pid) => sum + cpuSeconds(pid), 0);

/** Runs one sipp scenario to its end and divides by what the server spent. Rejects when a call failed. */
async function measure(
  subject: Subject,
  calls: number,
  rate: number,
  scenario: 'register' | 'ask' | 'message',
  lines: string[],
): Promise<Throughput> {
  const { server, domain } = subject;
  const before = cpuOf(subject);
  const startedAt = performance.now();
  const sipp = await startSipp({ scenario, server, domain, users: lines, calls, rate });
  const code = await sipp.exited;
  const seconds = (performance.now() - startedAt) / 1000;
  const used = cpuOf(subject) - before;
  if (code !== 0) throw new Error(`${subject.name}: sipp ended with ${code}\n${sipp.output().slice(-3000)}`);
  return { calls, seconds, cpuSeconds: used, perCpuSecond: calls / used };
}

/** REGISTER with digest: two requests, one binding. */
export const measureRegister = (subject: Subject, calls: number, rate: number): Promise<Throughput> =>
  measure(
    subject,
    calls,
    rate,
    'register',
    loadUsers.map((name) => sippUser(name, `pw-${name}`)),
  );

/** The same with nothing to store: it only asks where the user is signed in. */
export const measureAsking = (subject: Subject, calls: number, rate: number): Promise<Throughput> =>
  measure(
    subject,
    calls,
    rate,
    'ask',
    loadUsers.map((name) => sippUser(name, `pw-${name}`)),
  );

// The same in every run: from another port the receiver of an earlier run would be a second endpoint that never answers,
// and each MESSAGE would go there as well, again and again.
let receiverPort: number | undefined;

/** A challenged MESSAGE that another sipp answers: three requests and three responses at the server. */
export async function measureMessage(subject: Subject, calls: number, rate: number): Promise<Throughput> {
  const { server, domain } = subject;
  receiverPort ??= await freePort();
  const receiver = await startSipp({
    scenario: 'register',
    server,
    domain,
    users: [sippUser('receiver', 'pw-receiver')],
    localPort: receiverPort,
    calls: 1,
  });
  if ((await receiver.exited) !== 0) throw new Error(`the receiver could not register: ${receiver.output()}`);
  const answering = await startSipp({
    scenario: 'answer-message',
    server,
    domain,
    localPort: receiverPort,
    calls: calls * 2,
  });
  try {
    const lines = loadUsers.map((name) => sippUser(name, `pw-${name}`, 'receiver'));
    return await measure(subject, calls, rate, 'message', lines);
  } finally {
    await answering.stop('SIGKILL');
  }
}
