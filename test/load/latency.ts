import { bodyOf, createUserAgent, type UserAgent, type Via } from '../peers/ua.ts';
import type { System } from '../system.ts';

export interface Latency {
  messages: number;
  failed: number;
  p50: number;
  p99: number;
}

/** Sends messages at a steady rate from several senders and notes how long each took to its receiver (milliseconds). */
export async function measureLatency(
  senders: UserAgent[],
  receiver: UserAgent,
  perSecond: number,
  seconds: number,
): Promise<Latency> {
  const took: number[] = [];
  const sentAt = new Map<string, number>();
  receiver.onRequest((request) => {
    const at = sentAt.get(bodyOf(request));
    if (at !== undefined) took.push(performance.now() - at);
  });
  const total = perSecond * seconds;
  const pending: Promise<boolean>[] = [];
  const startedAt = performance.now();
  for (let sent = 0; sent < total; ) {
    const due = Math.min(total, ((performance.now() - startedAt) / 1000) * perSecond);
    for (; sent < due; sent++) {
      const sender = senders[sent % senders.length] as UserAgent;
      const text = `${sender.contact} ${sent}`;
      sentAt.set(text, performance.now());
      pending.push(
        sender.message(receiver.user, text).then(
          ({ status }) => status === 200,
          () => false,
        ),
      );
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  const failed = (await Promise.all(pending)).filter((ok) => !ok).length;
  took.sort((a, b) => a - b);
  const at = (share: number): number => took[Math.floor(took.length * share)] ?? Number.NaN;
  return { messages: total, failed, p50: at(0.5), p99: at(0.99) };
}

/** How much later a message arrives when its sender is outside: the way over Edge and Director, against the way inside. */
export async function measureExternalPath(
  system: System,
  perSecond = 500,
  seconds = 6,
): Promise<{ inside: Latency; outside: Latency }> {
  const caFile = system.caFile;
  const tls = (endpoint: string): Via => ({ tls: system.port(endpoint), caFile });
  const sign = async (name: string, via: Via): Promise<UserAgent> => {
    const agent = await createUserAgent(`${name}@${system.domain}`, `pw-${name}`, via);
    await agent.register();
    return agent;
  };
  const receiver = await sign('receiver', tls('sip-tls'));
  const inside = await Promise.all(Array.from({ length: 10 }, (_, i) => sign(`u${i}`, tls('sip-tls'))));
  const outside = await Promise.all(
    Array.from({ length: 10 }, (_, i) => sign(`u${i + 10}`, tls('access-tls'))),
  );
  try {
    await measureLatency(inside, receiver, perSecond, 2);
    await measureLatency(outside, receiver, perSecond, 2);
    return {
      inside: await measureLatency(inside, receiver, perSecond, seconds),
      outside: await measureLatency(outside, receiver, perSecond, seconds),
    };
  } finally {
    for (const agent of [...inside, ...outside, receiver]) agent.close();
  }
}
