import {
  closeGently,
  createBuckets,
  createPeerLink,
  createPeerServer,
  type Endpoint,
  type Host,
  type Role,
} from '@linchpin/host';
import { type Frame, RelayClient, RelayService } from '@linchpin/proto/relay/v1/relay';
import { announceDrain, createKnowledge, followMembers, join, type Member } from '@linchpin/topology';
import { createAccess } from './access/access.ts';
import { createListeners } from './access/listeners.ts';
import { createSessions, type Session } from './access/sessions.ts';
import type { EdgeConfig } from './config.ts';
import { createInward } from './relay/inward.ts';
import { createNextDirector } from './relay/next-director.ts';
import { createOutward } from './relay/outward.ts';
import { createTelemetry } from './telemetry.ts';

/** Every part of an Edge, made here in order. It knows no users: its replica holds the topology and policies only. */
export function createRole(config: EdgeConfig, host: Host): Role {
  const { log, name } = host;
  const { replica, members, directory } = createKnowledge(host, {
    role: 'edge',
    pool: config.pool,
    buckets: ['config'],
  });
  const telemetry = createTelemetry(host.metrics);
  const settings = () => directory.accessEdge(config.pool);
  const sessions = createSessions(name, config.signInSeconds * 1000);

  const outward = createOutward({
    find: sessions.find,
    onMessage(session, message) {
      session.underWay.passedBytes(message, performance.now());
      inward.told(session, message);
    },
    log,
  });
  const deliver = (frame: Frame, reply: (answer: Frame) => void): void => {
    telemetry.messages.inc({ direction: 'out' });
    const answer = outward(frame);
    if (answer !== undefined) reply(answer);
  };
  const linkTo = (member: Member) => {
    const link = createPeerLink<Frame, RelayClient>({
      address: member.address,
      role: 'director',
      credentials: host.mtls.client(),
      pod: name,
      client: RelayClient,
      connect: (client, metadata) => client.connect(metadata),
      onFrame: (frame) => deliver(frame, (answer) => link.send(answer)),
      onDown: () => inward.podGone(),
      log,
    });
    return link;
  };
  const nextHop = () => directory.poolMembers(directory.nextHop(config.pool) ?? 'director');
  const directors = followMembers(replica, nextHop, linkTo, members);
  const frontEnds = createPeerServer<Frame>({
    pod: name,
    log,
    onFrame: (frame, peer) => deliver(frame, (answer) => peer.send(answer)),
    onPeerGone: () => inward.podGone(),
  });
  host.rpc.addService(RelayService, { connect: frontEnds.handler }, { allow: ['frontend'] });

  const inward = createInward({
    domain: config.domain,
    directorFor: createNextDirector({
      links: directors.links,
      pods: () => nextHop().filter((pod) => members.get(pod.name)?.state !== 'draining'),
    }),
    toFrontEnd: (pod, frame) => frontEnds.send(pod, frame),
    log,
  });
  const connections = createBuckets(config.newConnections);
  const rateNow = () => {
    const perSecond = settings().maxMessagesPerSecondPerSource;
    return createBuckets({ perSecond, burst: 3 * perSecond });
  };
  let messages = rateNow();
  const access = createAccess({
    pod: name,
    sessions,
    admitConnection: connections.take,
    admitMessage: (source) => messages.take(source),
    inward,
    telemetry,
    log,
  });
  const listeners = createListeners(config, access, settings);
  const off = replica.onChange((changes) => {
    // Of several configurations the one for this pod's site holds, and the topology says which that is.
    if (!changes.some(({ kind }) => kind === 'AccessEdgeConfiguration' || kind === 'Topology')) return;
    listeners.limit();
    messages = rateNow();
  });

  return {
    async start() {
      await replica.load();
      replica.follow();
      members.follow();
      await listeners.open();
    },
    serving: (rpc) => join(members, config.advertise, rpc),
    // Remote clients come back to another Edge when their connection ends; what they had here is told as it closes.
    async drain(draining) {
      await announceDrain(members, draining);
      draining.count(() => ({ connections: sessions.size }));
      await closeGently(draining, {
        open: sessions.all,
        busy: () => busyAt(performance.now()),
        close: ({ flow }) => flow.close('the server is leaving'),
        refuse: listeners.refuse,
      });
      await draining.idle();
    },
    async stop() {
      await members.stop();
      await listeners.close();
      off();
      inward.stop();
      sessions.stop();
      frontEnds.close();
      directors.stop();
      await replica.stop();
    },
    endpoints: () =>
      listeners.list().map(
        ({ name: endpoint, transport, address, port }): Endpoint => ({
          name: endpoint,
          protocol: transport === 'wss' ? 'wss' : 'tls',
          address,
          port,
        }),
      ),
    configVersion: () => replica.version,
    reload: listeners.reload,
  };
}

const busyAt =
  (now: number) =>
  ({ underWay }: Session): boolean =>
    underWay.busy(now);
