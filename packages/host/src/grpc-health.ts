import {
  type handleUnaryCall,
  type ServerWritableStream,
  type ServiceDefinition,
  status,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import type { Health } from './health.ts';

// grpc.health.v1.Health, https://github.com/grpc/grpc/blob/master/doc/health-checking.md: two messages of one field
// each, encoded here by hand. Only the server as a whole ("") has a health.
const SERVING = 1;
const NOT_SERVING = 2;

interface CheckRequest {
  service: string;
}
interface CheckResponse {
  status: number;
}

const wire = {
  requestSerialize: ({ service }: CheckRequest) => {
    const text = Buffer.from(service);
    return text.length === 0 ? text : Buffer.concat([Buffer.of(0x0a, text.length), text]);
  },
  // Field 1, length-delimited, at most 127 bytes; whatever else comes names no service that is known here.
  requestDeserialize: (bytes: Buffer): CheckRequest => ({
    service: bytes.length === 0 ? '' : bytes.toString('utf8', 2),
  }),
  responseSerialize: (response: CheckResponse) => Buffer.of(0x08, response.status),
  responseDeserialize: (bytes: Buffer): CheckResponse => ({ status: bytes[1] ?? 0 }),
};

export const healthDefinition = {
  check: { path: '/grpc.health.v1.Health/Check', requestStream: false, responseStream: false, ...wire },
  watch: { path: '/grpc.health.v1.Health/Watch', requestStream: false, responseStream: true, ...wire },
} satisfies ServiceDefinition;

export interface GrpcHealth {
  implementation: UntypedServiceImplementation;
  /** Ends the watches, which would hold up the server's shutdown. */
  close(): void;
}

export function createGrpcHealth(health: Health): GrpcHealth {
  const watches = new Set<ServerWritableStream<CheckRequest, CheckResponse>>();
  const response = (): CheckResponse => ({ status: health.ready ? SERVING : NOT_SERVING });
  const forget = health.onReady(() => {
    for (const watch of watches) watch.write(response());
  });

  const check: handleUnaryCall<CheckRequest, CheckResponse> = (call, callback) =>
    call.request.service === '' ? callback(null, response()) : callback(unknownService(call.request));

  function watch(call: ServerWritableStream<CheckRequest, CheckResponse>): void {
    if (call.request.service !== '') return void call.emit('error', unknownService(call.request));
    watches.add(call);
    call.on('close', () => watches.delete(call));
    call.on('cancelled', () => watches.delete(call));
    call.write(response());
  }

  return {
    implementation: { check, watch },
    close() {
      forget();
      for (const watch of watches) watch.end();
      watches.clear();
    },
  };
}

const unknownService = ({ service }: CheckRequest) => ({
  code: status.NOT_FOUND,
  details: `no health of a service "${service}"; ask for ""`,
});
