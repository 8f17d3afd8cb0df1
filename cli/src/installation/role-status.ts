import { get } from 'node:http';
import { json } from 'node:stream/consumers';
import type { RoleLayout } from './layout.ts';

/** What a role says about itself on `/status`. */
export interface RoleStatus {
  role: string;
  name: string;
  pid: number;
  version: string;
  configVersion: number;
  /** "ready", "starting", "draining" or "degraded: why". */
  health: string;
}

const TIMEOUT_MS = 1_000;

/** Undefined when it does not answer within a second, or something else answers on its port. */
export function askRole({ role, http }: RoleLayout): Promise<RoleStatus | undefined> {
  return new Promise((resolve) => {
    const options = {
      host: http.address,
      port: http.port,
      path: '/status',
      agent: false,
      signal: AbortSignal.timeout(TIMEOUT_MS),
    };
    get(options, (response) => {
      json(response).then(
        (body) => resolve(isStatus(body) && body.role === role ? body : undefined),
        () => resolve(undefined),
      );
    }).on('error', () => resolve(undefined));
  });
}

const isStatus = (body: unknown): body is RoleStatus =>
  typeof body === 'object' && body !== null && 'role' in body && 'health' in body;
