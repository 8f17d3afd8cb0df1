// Two pods, and people who post through both.
import { randomUUID } from 'node:crypto';
import { expect } from 'vitest';
import type { Caller, Posting } from '../../src/chat.ts';
import { createPods, type Pod, type Pods } from '../pods.ts';

export const caller = (name: string): Caller => ({ name: `${name}@contoso.lab` });
export const [alice, bob, carol] = ['alice', 'bob', 'carol'].map(caller) as [Caller, Caller, Caller];
export const admin: Caller = { name: 'root', admin: true };
export const people = [alice, bob, carol].map(({ name }) => name);
export const saying = (body: string, change: Partial<Posting> = {}): Posting => ({
  clientId: randomUUID(),
  body,
  ...change,
});

export interface TwoPods {
  readonly pods: Pods;
  readonly one: Pod;
  readonly two: Pod;
  /** Fails where they have logged what should never happen. */
  close(): Promise<void>;
}

export async function createTwoPods(): Promise<TwoPods> {
  const pods = await createPods();
  const [one, two] = await Promise.all([pods.start('one'), pods.start('two')]);
  return {
    ...{ pods, one, two },
    async close() {
      await pods.close();
      expect(pods.errors()).toEqual([]);
    },
  };
}
