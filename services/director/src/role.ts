import { createPeerLink, createPeerServer, type Host, type Role } from '@linchpin/host';
import { type Frame, RelayClient, RelayService } from '@linchpin/proto/relay/v1/relay';
import { createNonces } from '@linchpin/sip';
import { createDirectory, createReplica, followMembers, type Member } from '@linchpin/topology';
import { createAdmission } from './admission/admission.ts';
import { createJudge } from './authentication/judge.ts';
import type { DirectorConfig } from './config.ts';
import { createHome } from './home/home.ts';
import { createAnswers } from './relay/answer.ts';
import { createRelay } from './relay/relay.ts';
import { createTelemetry } from './telemetry.ts';

/** Every part of a Director, made here in order. It homes nobody and keeps no state but counters. */
export function createRole(config: DirectorConfig, host: Host): Role {
  const { log, name } = host;
  const replica = createReplica({
    dir: `${host.dataDir}/replica`,
    buckets: ['config', 'directory'],
    nats: host.nats(),
    pod: name,
    role: host.role,
    productVersion: host.version,
    log,
  });
  const directory = createDirectory(replica);
  const telemetry = createTelemetry(host.metrics);
  const admission = createAdmission(config.limits);
  const nonces = createNonces({ lifetime: config.nonceLifetime });
  const judge = createJudge({ directory, pool: config.pool, nonces, attempts: admission });
  const answers = createAnswers(name, nonces.issue);

  const linkTo = (member: Member) =>
    createPeerLink<Frame, RelayClient>({
      address: member.address,
      role: 'frontend',
      credentials: host.mtls.client(),
      pod: name,
      client: RelayClient,
      connect: (client, metadata) => client.connect(metadata),
      // A Front End answers clients through their Edge; on this stream it only listens.
      onFrame: () => {},
      log,
    });
  const frontEnds = followMembers(replica, () => directory.poolMembers('frontend'), linkTo);
  const wayTo = createHome(directory, frontEnds.links);
  const edgePoolOf = (pod: string): string => directory.poolOf(pod)?.name ?? 'edge';
  const relay = createRelay({ judge, admission, answers, edgePoolOf, wayTo, telemetry, log });
  const edges = createPeerServer<Frame>({ pod: name, log, onFrame: relay.onFrame });
  host.rpc.addService(RelayService, { connect: edges.handler }, { allow: ['edge'] });

  return {
    async start() {
      await replica.load();
      replica.follow();
    },
    // Edges move to another Director when the stream ends; a stateless pod has nothing else to wait for.
    async drain() {
      edges.close();
    },
    async stop() {
      edges.close();
      frontEnds.stop();
      await replica.stop();
    },
    endpoints: () => [],
    configVersion: () => replica.version,
  };
}
