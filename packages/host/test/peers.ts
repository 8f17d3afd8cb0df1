import { createHealth } from '../src/health.ts';
import { createPeerLink, type PeerLink, type PeerLinkOptions } from '../src/peer-link.ts';
import { createPeerServer, type PeerServer, type PeerServerOptions } from '../src/peer-server.ts';
import { createRpcServer, type RpcServer } from '../src/rpc-server.ts';
import type { Certificates } from './certificates.ts';
import { FramesClient, framesDefinition, type TestFrame } from './frames.ts';
import { silent } from './silent.ts';

export interface FrameServer {
  rpc: RpcServer;
  peers: PeerServer<TestFrame>;
  port: number;
  stop(): Promise<void>;
}

/** A server of role "inner" that takes frames from role "outer". */
export async function startFrameServer(
  certificates: Certificates,
  options: Omit<PeerServerOptions<TestFrame>, 'log' | 'pod'>,
  port = 0,
): Promise<FrameServer> {
  const mtls = await certificates.mtls('inner');
  const peers = createPeerServer<TestFrame>({ pod: 'inner-0', log: silent, ...options });
  const rpc = createRpcServer({
    address: '127.0.0.1',
    port,
    mtls,
    health: createHealth(),
    log: silent,
    keepaliveMs: 300,
  });
  rpc.addService(framesDefinition, { connect: peers.handler }, { allow: ['outer'] });
  await rpc.listen();
  return { rpc, peers, port: rpc.port, stop: () => rpc.stop(0) };
}

type LinkOptions = PeerLinkOptions<TestFrame, FramesClient>;

export async function openLink(
  certificates: Certificates,
  options: Partial<LinkOptions> & { port: number; as?: string },
): Promise<PeerLink<TestFrame>> {
  const mtls = await certificates.mtls(options.as ?? 'outer');
  return createPeerLink<TestFrame, FramesClient>({
    address: `localhost:${options.port}`,
    role: 'inner',
    credentials: mtls.client(),
    pod: 'outer-0',
    client: FramesClient,
    connect: (client, metadata) => client.connect(metadata),
    onFrame() {},
    log: silent,
    ...options,
  });
}
