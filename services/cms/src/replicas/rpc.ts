// ListReplicas as it arrives by gRPC.
import type { ServerUnaryCall, sendUnaryData } from '@grpc/grpc-js';
import type { ListReplicasReply, ListReplicasRequest } from '@linchpin/proto/cms/v1/cms';
import type { NatsLink } from '@linchpin/topology';
import { unavailable } from '../cms-error.ts';
import type { Expected, Replicas } from './replicas.ts';

export interface ReplicasParts {
  nats: NatsLink;
  replicas: Replicas;
  /** The version that is current, and the pods of the topology that keep a replica. */
  stored(): Promise<{ version: number; expected: Expected[] }>;
}

export function createReplicasRpc({ nats, replicas, stored }: ReplicasParts) {
  return {
    async listReplicas(
      _call: ServerUnaryCall<ListReplicasRequest, ListReplicasReply>,
      callback: sendUnaryData<ListReplicasReply>,
    ): Promise<void> {
      if (!nats.connected) throw unavailable('NATS is away: what the pods run is not known');
      const { version, expected } = await stored();
      callback(null, {
        version,
        replicas: replicas.list(expected).map(({ at, ...replica }) => ({ ...replica, lastStatusReport: at })),
      });
    },
  };
}
