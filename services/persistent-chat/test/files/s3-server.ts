// A bucket in memory that checks what a real one does: the signature, made anew here by the rules of AWS Signature Version 4, and
// that the bytes are those that were signed.
import { createHash, createHmac } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export const ACCESS_KEY = 'AKIDEXAMPLE';
export const SECRET_KEY = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY';

export interface S3Server {
  readonly url: string;
  readonly objects: Map<string, Buffer>;
  /** Refused signatures. */
  readonly refused: string[];
  /** The next requests are answered so. */
  fail(status: number, code: string): void;
  stop(): Promise<void>;
}

const sha256 = (data: string | Buffer) => createHash('sha256').update(data).digest('hex');
const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest();

/** docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html */
export function signatureOf(
  { method, path, headers }: { method: string; path: string; headers: Record<string, string> },
  { signed, scope, time }: { signed: string[]; scope: string; time: string },
  secret: string,
): string {
  const lines = signed
    .map((name) => `${name}:${(headers[name] ?? '').trim().replace(/ +/g, ' ')}\n`)
    .join('');
  const canonical = [method, path, '', lines, signed.join(';'), headers['x-amz-content-sha256']].join('\n');
  const [date = '', region = '', service = '', end = ''] = scope.split('/');
  const key = hmac(hmac(hmac(hmac(`AWS4${secret}`, date), region), service), end);
  return hmac(key, ['AWS4-HMAC-SHA256', time, scope, sha256(canonical)].join('\n')).toString('hex');
}

export async function startS3(bucket: string): Promise<S3Server> {
  const objects = new Map<string, Buffer>();
  const refused: string[] = [];
  let failure: { status: number; code: string } | undefined;

  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    const why = faultOf(request, body);
    if (why !== undefined) {
      refused.push(why);
      return answer(response, 403, 'SignatureDoesNotMatch');
    }
    if (failure) return answer(response, failure.status, failure.code);
    serve(request, response, body);
  });

  function serve(request: IncomingMessage, response: ServerResponse, body: Buffer): void {
    const { method, url = '', headers } = request;
    if (!url.startsWith(`/${bucket}/`)) return answer(response, 404, 'NoSuchBucket');
    const known = objects.get(url);
    if (method === 'PUT') {
      objects.set(url, body);
      return void response.writeHead(200).end();
    }
    if (method === 'DELETE') {
      objects.delete(url);
      return void response.writeHead(204).end();
    }
    if (known === undefined) return answer(response, 404, 'NoSuchKey');
    const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? '') ?? [];
    if (first === undefined) return void response.writeHead(200).end(known);
    response.writeHead(206).end(known.subarray(Number(first), Number(last) + 1));
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    objects,
    refused,
    fail(status, code) {
      failure = { status, code };
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function answer(response: ServerResponse, status: number, code: string): void {
  response.writeHead(status).end(`<Error><Code>${code}</Code></Error>`);
}

function faultOf({ method = '', url = '', headers }: IncomingMessage, body: Buffer): string | undefined {
  const [, key, scope = '', signed = '', signature] =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/([^,]+), ?SignedHeaders=([^,]+), ?Signature=(\w+)$/.exec(
      headers.authorization ?? '',
    ) ?? [];
  if (key !== ACCESS_KEY) return `no such key: ${headers.authorization}`;
  if (headers['x-amz-content-sha256'] !== sha256(body)) return 'the body is not what was signed';
  const time = String(headers['x-amz-date']);
  const right = signatureOf(
    { method, path: url, headers: headers as Record<string, string> },
    { signed: signed.split(';'), scope, time },
    SECRET_KEY,
  );
  return signature === right ? undefined : `the signature is ${right}`;
}
