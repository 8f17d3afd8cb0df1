// Uploads whose bytes a test gives one by one.
import { readdir } from 'node:fs/promises';
import { request } from 'node:https';
import { join } from 'node:path';
import { expect, vi } from 'vitest';
import type { FilesRig } from './rig.ts';

export function sending({ web, room }: FilesRig, token: string, headers: Record<string, string>) {
  const send = request({
    host: '127.0.0.1',
    port: web.port,
    agent: web.agent,
    method: 'PUT',
    path: `/v1/rooms/${room}/files?name=a.bin`,
    headers: { authorization: `Bearer ${token}`, ...headers },
  });
  let continued = false;
  send.on('continue', () => {
    continued = true;
  });
  const answer = new Promise<number>((resolve, reject) => {
    send.on('error', reject);
    send.on('response', (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
  });
  return { send, answer, continued: () => continued };
}

/** Resolves when so many uploads are under way. */
export const incoming = ({ directory }: FilesRig, count: number): Promise<void> =>
  vi.waitFor(async () => expect(await readdir(join(directory, 'incoming'))).toHaveLength(count), 20_000);
