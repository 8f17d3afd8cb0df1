import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Manifest } from './helm.ts';

/** What Helm asks of an API server for `lookup` in a template: which resource a kind is, and one object by its name. */
export interface Cluster {
  address: string;
  stop(): void;
}

const RESOURCES: Record<string, { kind: string; name: string }[]> = {
  '/api/v1': [{ kind: 'Service', name: 'services' }],
  '/apis/apps/v1': [{ kind: 'StatefulSet', name: 'statefulsets' }],
  '/apis/autoscaling/v2': [{ kind: 'HorizontalPodAutoscaler', name: 'horizontalpodautoscalers' }],
};

export async function startCluster(present: readonly Manifest[]): Promise<Cluster> {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '', 'http://cluster');
    const resources = RESOURCES[pathname];
    if (resources) return answer(response, 200, listOf(pathname, resources));
    const found = present.find((object) => pathname === pathOf(object));
    answer(response, found ? 200 : 404, found ?? NOT_FOUND);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    address: `http://127.0.0.1:${port}`,
    stop() {
      server.close();
      server.closeAllConnections();
    },
  };
}

const NOT_FOUND = { kind: 'Status', apiVersion: 'v1', status: 'Failure', reason: 'NotFound', code: 404 };

function answer(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

const listOf = (path: string, resources: { kind: string; name: string }[]): object => ({
  kind: 'APIResourceList',
  apiVersion: 'v1',
  groupVersion: path.replace(/^\/apis?\//, ''),
  resources: resources.map((each) => ({ ...each, singularName: '', namespaced: true, verbs: ['get'] })),
});

function pathOf({ kind, metadata: { name, namespace } }: Manifest): string {
  const [group, resources] = Object.entries(RESOURCES).find(([, all]) =>
    all.some((each) => each.kind === kind),
  ) ?? ['', []];
  const resource = resources.find((each) => each.kind === kind)?.name;
  return `${group}/namespaces/${namespace}/${resource}/${name}`;
}
