// Stands for CMS where it passes on what auditors ask: keeps what it was asked, and answers as it is told.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
  type status,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { createAuthority } from '@linchpin/backends';
import { ComplianceService } from '@linchpin/proto/chat/v1/compliance';

export interface Failure {
  code: status;
  details: string;
}

/** A reply, for a stream a list of them; or what makes one of the request. */
export type Answer = object | ((request: never) => object);

export interface FakeCompliance {
  /** A home folder with the certificate of an administrator. */
  readonly home: string;
  /** host:port */
  readonly address: string;
  /** Since the last reset, in order. */
  readonly asked: { method: string; request: Record<string, unknown> }[];
  answer(method: keyof typeof ComplianceService, answer: Answer): void;
  /** The next call is refused; a stream after what it answers. */
  fail(failure: Failure): void;
  reset(): void;
  stop(): Promise<void>;
}

export async function startFakeCompliance(home: string): Promise<FakeCompliance> {
  const { ca, pair } = await makeHome(home);
  const asked: FakeCompliance['asked'] = [];
  const answers = new Map<string, Answer>();
  let failure: Failure | undefined;

  function replyTo(method: string, request: object): object {
    asked.push({ method, request: { ...request } });
    const answer = answers.get(method) ?? [];
    return typeof answer === 'function' ? answer(request as never) : answer;
  }
  function takeFailure(): Failure | undefined {
    const taken = failure;
    failure = undefined;
    return taken;
  }

  const handlers: UntypedServiceImplementation = {};
  for (const [method, { responseStream }] of Object.entries(ComplianceService))
    handlers[method] = responseStream
      ? (call: ServerWritableStream<object, object>) => {
          for (const each of replyTo(method, call.request) as object[]) call.write(each);
          const refused = takeFailure();
          if (refused) call.emit('error', refused);
          else call.end();
        }
      : (call: ServerUnaryCall<object, object>, callback: sendUnaryData<object>) => {
          const reply = replyTo(method, call.request);
          const refused = takeFailure();
          if (refused) callback(refused);
          else callback(null, reply);
        };

  const server = new Server();
  server.addService(ComplianceService, handlers);
  const credentials = ServerCredentials.createSsl(ca, [pair], true);
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', credentials, (error, bound) => (error ? reject(error) : resolve(bound))),
  );
  return {
    home,
    address: `127.0.0.1:${port}`,
    asked,
    answer: (method, answer) => void answers.set(method, answer),
    fail(next) {
      failure = next;
    },
    reset() {
      asked.length = 0;
      answers.clear();
      failure = undefined;
    },
    stop: async () => server.forceShutdown(),
  };
}

async function makeHome(home: string) {
  const pki = join(home, 'pki');
  mkdirSync(pki, { recursive: true });
  const settings = {
    formatVersion: 1,
    domain: 'contoso.lab',
    portOffset: 0,
    listen: '127.0.0.1',
    samples: true,
  };
  writeFileSync(join(home, 'linchpin.json'), JSON.stringify(settings));
  const authority = createAuthority(pki);
  for (const role of ['admin', 'cms'])
    await authority.issue({
      name: role,
      dns: [`${role}.linchpin.internal`],
      certPath: join(pki, `${role}.pem`),
      keyPath: join(pki, `${role}.key`),
    });
  const read = (file: string): Buffer => readFileSync(join(pki, file));
  return { ca: read('ca.pem'), pair: { cert_chain: read('cms.pem'), private_key: read('cms.key') } };
}
