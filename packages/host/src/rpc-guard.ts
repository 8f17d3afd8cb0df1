import {
  type ServerErrorResponse,
  type ServerUnaryCall,
  type ServiceDefinition,
  type sendUnaryData,
  status,
  type UntypedHandleCall,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { callerRole } from './caller.ts';
import type { Logger } from './log.ts';

export interface RpcAccess {
  /** Roles whose certificate may call the service, for example ['edge', 'admin']. */
  allow: readonly string[];
}

// The four kinds of handler differ in what they get; the guard treats them alike.
type AnyCall = ServerUnaryCall<unknown, unknown>;
type AnyHandler = (call: AnyCall, callback?: sendUnaryData<unknown>) => unknown;

/** Each method checks the caller's role first, and answers for what its handler throws. */
export function guard(
  definition: ServiceDefinition,
  implementation: UntypedServiceImplementation,
  access: RpcAccess,
  log: Logger,
): UntypedServiceImplementation {
  const guarded = Object.entries(definition).map(([name, { path }]) => {
    const handler = implementation[name];
    if (!handler) throw new Error(`no handler for ${path}`);
    return [name, guardMethod(path, handler.bind(implementation) as AnyHandler, access, log)];
  });
  return Object.fromEntries(guarded);
}

function guardMethod(
  path: string,
  handler: AnyHandler,
  { allow }: RpcAccess,
  log: Logger,
): UntypedHandleCall {
  const guarded: AnyHandler = (call, callback) => {
    const role = callerRole(call);
    if (role === undefined || !allow.includes(role))
      return refuse(call, callback, denied(path, role, allow, log));
    return run(() => handler(call, callback)).catch((error) =>
      refuse(call, callback, failed(path, error, log)),
    );
  };
  return guarded as UntypedHandleCall;
}

async function run(handler: () => unknown): Promise<void> {
  await handler();
}

type Refusal = { code: status; details: string };

function denied(path: string, role: string | undefined, allow: readonly string[], log: Logger): Refusal {
  const who =
    role === undefined ? "the caller's certificate names no role" : `role "${role}" may not call this`;
  log.warn({ rpc: path, callerRole: role, allow }, `RPC refused: ${who}`);
  return { code: status.PERMISSION_DENIED, details: `${path}: ${who}; allowed: ${allow.join(', ')}` };
}

// A thrown status ({ code, details }) is the handler's answer, anything else a defect that the caller need not read.
// Other libraries' errors have codes too (JetStream's are numbers), but no details.
function failed(path: string, error: unknown, log: Logger): Refusal {
  const { code, details } = (error ?? {}) as Partial<ServerErrorResponse>;
  if (typeof code === 'number' && code in status && typeof details === 'string') return { code, details };
  log.error({ err: error, rpc: path }, 'RPC failed');
  return { code: status.INTERNAL, details: `${path}: internal error` };
}

function refuse(call: AnyCall, callback: sendUnaryData<unknown> | undefined, refusal: Refusal): void {
  if (callback) callback(refusal);
  else call.emit('error', refusal);
}
