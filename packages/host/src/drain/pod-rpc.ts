import type { ServerWritableStream } from '@grpc/grpc-js';
import {
  type DrainProgress,
  type DrainRequest,
  DrainState,
  type PodServer,
  PodService,
} from '@linchpin/proto/pod/v1/pod';
import { callerRole } from '../caller.ts';
import type { RpcServer } from '../rpc-server.ts';
import type { Drain, DrainReport } from './drain.ts';

const STATES = { draining: DrainState.DRAINING, done: DrainState.DONE, forced: DrainState.FORCED } as const;

/** `linchpin.pod.v1.Pod` of this process, for administrators, whom CMS may stand for. */
export function addPodService(rpc: RpcServer, pod: string, drain: Drain): void {
  rpc.addService(PodService, { drain: (call) => follow(call, pod, drain) } satisfies PodServer, {
    allow: ['admin', 'cms'],
  });
}

function follow(call: ServerWritableStream<DrainRequest, DrainProgress>, pod: string, drain: Drain): void {
  const joined = drain.report() !== undefined;
  const write = (report: DrainReport): void => {
    call.write({ ...report, pod, joined, state: STATES[report.state] });
    if (report.state !== 'draining') end();
  };
  const forget = drain.onProgress(write);
  const end = (): void => {
    forget();
    call.end();
  };
  call.on('cancelled', forget);
  void drain.begin(`asked to by ${callerRole(call)}`);
  write(drain.report() as DrainReport);
}
