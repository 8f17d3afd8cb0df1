import { createAttempts, createPeerLink, createPeerServer, type Host, type Role } from '@linchpin/host';
import { type Frame, RelayClient, RelayService } from '@linchpin/proto/relay/v1/relay';
import { createNonces } from '@linchpin/sip';
import {
  announceDrain,
  createKnowledge,
  followMembers,
  joinConfigured,
  type Member,
} from '@linchpin/topology';
import { createAdmission } from './admission/admission.ts';
import { createJudge } from './authentication/judge.ts';
import type { DirectorConfig } from './config.ts';
import { createHome } from './home/home.ts';
import { createOwners } from './home/owners.ts';
import { createAnswers } from './relay/answer.ts';
import { createQuiet } from './relay/quiet.ts';
import { createRelay } from './relay/relay.ts';
import { createTelemetry } from './telemetry.ts';

/** Every part of a Director, made here in order. It homes nobody and keeps no state but counters. */
export function createRole(config: DirectorConfig, host: Host): Role {
  const { log, name } = host;
  const { replica, members, directory } = createKnowledge(host, { role: 'director', pool: config.pool });
  const telemetry = createTelemetry(host.metrics);
  const { limits } = config;
  const admission = createAdmission(limits);
  const attempts = createAttempts({ source: limits.sourceFailures, account: limits.accountFailures });
  const nonces = createNonces({ lifetime: config.nonceLifetime });
  const judge = createJudge({ directory, pool: config.pool, nonces, attempts });
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
  const frontEnds = followMembers(replica, () => directory.roleMembers('frontend'), linkTo, members);
  const owners = createOwners(members);
  const wayTo = createHome({ directory, members, owners, ways: frontEnds.links });
  const edgePoolOf = (pod: string): string => directory.poolOf(pod)?.name ?? 'edge';
  const relay = createRelay({ judge, admission, answers, edgePoolOf, wayTo, telemetry, log });
  const quiet = createQuiet();
  const edges = createPeerServer<Frame>({
    pod: name,
    log,
    onFrame(frame, peer) {
      quiet.stir();
      relay.onFrame(frame, peer);
    },
  });
  host.rpc.addService(RelayService, { connect: edges.handler }, { allow: ['edge'] });

  return {
    async start() {
      await replica.load();
      replica.follow();
      members.follow();
    },
    serving: (rpc) => joinConfigured(members, replica, config.advertise, rpc),
    // Edges bring new messages to another Director from when they hear of it, and all when the stream ends.
    async drain(draining) {
      await announceDrain(members, draining);
      const others = () => members.list('director', config.pool).some(({ state }) => state === 'running');
      draining.count(() => ({ edges: others() && !quiet.now ? edges.peers.size : 0 }));
      await draining.idle();
      edges.close();
    },
    async stop() {
      await members.stop();
      edges.close();
      frontEnds.stop();
      await replica.stop();
    },
    endpoints: () => [],
    configVersion: () => replica.version,
  };
}
