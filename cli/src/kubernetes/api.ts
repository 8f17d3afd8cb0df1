import { readFile } from 'node:fs/promises';
import { request } from 'node:https';
import { CliError, EXIT } from '../cli-error.ts';

/** What the kubelet puts into a pod that has a service account. */
const ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';
const DEADLINE_MS = 10_000;

export interface Secret {
  type: string;
  labels?: Record<string, string>;
  data: Record<string, Buffer>;
}

/** The Secrets of the pod's own namespace. */
export interface Secrets {
  /** Undefined where there is none of that name. */
  get(name: string): Promise<Secret | undefined>;
  create(name: string, secret: Secret): Promise<void>;
  /** Only the data: labels and annotations that somebody added stay. */
  replaceData(name: string, data: Secret['data']): Promise<void>;
}

export interface Access {
  host: string;
  port: number;
  namespace: string;
  token: string;
  ca: string;
}

/** How this pod reaches the Kubernetes API. */
export async function accessOfPod(env: NodeJS.ProcessEnv = process.env): Promise<Access> {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port = '443' } = env;
  if (host === undefined)
    throw new CliError('This runs in a pod only: KUBERNETES_SERVICE_HOST is not set.', EXIT.usage);
  const read = (file: string) => readFile(`${ACCOUNT}/${file}`, 'utf8');
  const [token, ca, namespace] = await Promise.all([read('token'), read('ca.crt'), read('namespace')]);
  return { host, port: Number(port), namespace: namespace.trim(), token: token.trim(), ca };
}

export function createSecrets(access: Access): Secrets {
  const folder = `/api/v1/namespaces/${access.namespace}/secrets`;
  return {
    async get(name) {
      const { status, body } = await ask(access, 'GET', `${folder}/${name}`);
      if (status === 404) return undefined;
      expectSuccess(status, body, `read Secret ${name}`);
      return fromWire(JSON.parse(body) as WireSecret);
    },
    async create(name, { type, labels, data }) {
      const wire = {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name, labels },
        type,
        data: encoded(data),
      };
      const { status, body } = await ask(access, 'POST', folder, wire);
      expectSuccess(status, body, `create Secret ${name}`);
    },
    async replaceData(name, data) {
      const { status, body } = await ask(access, 'PATCH', `${folder}/${name}`, { data: encoded(data) });
      expectSuccess(status, body, `change Secret ${name}`);
    },
  };
}

interface WireSecret {
  type: string;
  metadata: { labels?: Record<string, string> };
  data?: Record<string, string>;
}

const fromWire = ({ type, metadata, data = {} }: WireSecret): Secret => ({
  type,
  labels: metadata.labels ?? {},
  data: Object.fromEntries(Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'base64')])),
});

const encoded = (data: Secret['data']): Record<string, string> =>
  Object.fromEntries(Object.entries(data).map(([key, value]) => [key, value.toString('base64')]));

function expectSuccess(status: number, body: string, what: string): void {
  if (status >= 200 && status < 300) return;
  throw new CliError(`Kubernetes did not ${what} (status ${status}): ${reasonIn(body)}`);
}

function reasonIn(body: string): string {
  try {
    return (JSON.parse(body) as { message: string }).message;
  } catch {
    return body.slice(0, 200);
  }
}

interface Answer {
  status: number;
  body: string;
}

function ask(
  { host, port, token, ca }: Access,
  method: string,
  path: string,
  json?: object,
): Promise<Answer> {
  const body = json && JSON.stringify(json);
  const type = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
  const headers = {
    authorization: `Bearer ${token}`,
    ...(body !== undefined && { 'content-type': type, 'content-length': Buffer.byteLength(body) }),
  };
  return new Promise((resolve, reject) => {
    const call = request({ host, port, method, path, ca, headers, timeout: DEADLINE_MS }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() }),
      );
    });
    call.on('timeout', () => call.destroy(new Error(`no answer in ${DEADLINE_MS} ms`)));
    call.on('error', (cause) =>
      reject(new CliError(`The Kubernetes API at ${host}:${port}: ${cause.message}`, EXIT.failed, { cause })),
    );
    call.end(body);
  });
}
