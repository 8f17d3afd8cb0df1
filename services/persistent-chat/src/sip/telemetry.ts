import { Counter, Gauge, type Registry } from 'prom-client';
import type { Outcome } from './outgoing.ts';

const methods = new Set(['MESSAGE', 'INVITE', 'OPTIONS', 'SUBSCRIBE']);

/** Every metric of the SIP bridge. */
export function createSipTelemetry(registry: Registry, sessions: () => number) {
  const registers = [registry];
  const requests = new Counter({
    name: 'linchpin_chat_sip_requests_total',
    help: 'Requests for rooms that SIP clients have sent, by the answer that they got',
    labelNames: ['method', 'code'],
    registers,
  });
  const told = new Counter({
    name: 'linchpin_chat_sip_told_total',
    help: 'Messages of rooms to SIP members, each attempt, by what became of it: told, away, later, refused',
    labelNames: ['outcome'],
    registers,
  });
  new Gauge({
    name: 'linchpin_chat_sip_sessions',
    help: 'SIP members of rooms whom this pod tells what is posted there, once for each room',
    registers,
    collect() {
      this.set(sessions());
    },
  });
  return {
    answered: (method: string, code: number) =>
      requests.inc({ method: methods.has(method) ? method : 'other', code }),
    told: (outcome: Outcome) => told.inc({ outcome }),
  };
}
