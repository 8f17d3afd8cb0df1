// Files in a bucket of S3, or of what speaks like it: requests are signed with AWS Signature Version 4, the bucket is in the path.
import { openAsBlob } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import { AwsV4Signer } from 'aws4fetch';
import type { PersistentChatConfig } from '../config.ts';
import { type FileStorage, StorageFailure } from './storage.ts';

export type S3Config = NonNullable<PersistentChatConfig['files']['s3']>;

/** Codes of S3-compatible stores for a quota or a disk that is full. */
const FULL = /<Code>(QuotaExceeded|XMinioStorageFull|InsufficientCapacity|EntityTooLarge)<\/Code>/;
const NO_BYTES = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

/** So long is waited for an answer that moves no bytes. Whoever removes is in a transaction, which PostgreSQL ends after ten seconds. */
const ANSWER_MS = 5_000;

/** `answerMs`: for tests. */
export function createS3Storage(config: S3Config, answerMs = ANSWER_MS): FileStorage {
  const { endpoint, bucket, prefix, region, credentialsFile } = config;
  const urlOf = (sha256: string) => `${endpoint.replace(/\/$/, '')}/${bucket}/${prefix}${sha256}`;

  async function credentials() {
    const [, accessKeyId, secretAccessKey] =
      /^([^:\s]+):(\S+)\s*$/.exec(await readFile(credentialsFile, 'utf8')) ?? [];
    if (accessKeyId === undefined || secretAccessKey === undefined)
      throw new StorageFailure('away', `${credentialsFile} has no <access key id>:<secret access key>`);
    return { accessKeyId, secretAccessKey };
  }

  async function send(method: string, sha256: string, more: Sending = {}): Promise<Response> {
    const { headers = {}, bodyHash = NO_BYTES, body = null, signal = null } = more;
    try {
      const signer = new AwsV4Signer({
        ...(await credentials()),
        method,
        url: urlOf(sha256),
        headers: { ...headers, 'x-amz-content-sha256': bodyHash },
        service: 's3',
        region,
      });
      const signed = await signer.sign();
      return await fetch(signed.url, { method, headers: signed.headers, body, redirect: 'error', signal });
    } catch (error) {
      if (error instanceof StorageFailure) throw error;
      const { cause = error } = error as Error;
      throw new StorageFailure('away', `S3 cannot be asked: ${(cause as Error).message}`, { cause: error });
    }
  }

  /** The answer, or why there is none that is of use. */
  async function expecting(statuses: number[], response: Response): Promise<Response> {
    if (statuses.includes(response.status)) return response;
    const text = await response.text().catch(() => '');
    const why = response.status === 507 || FULL.test(text) ? 'full' : 'away';
    throw new StorageFailure(why, `S3 answered ${response.status}: ${text.slice(0, 500)}`);
  }

  return {
    async put(sha256, path) {
      // Read from the disk as it is sent.
      const body = await openAsBlob(path, { type: 'application/octet-stream' });
      // The store compares the hash with what it gets: half an object is none.
      await discard(await expecting([200], await send('PUT', sha256, { bodyHash: sha256, body })));
    },
    async read(sha256, range) {
      const headers = range && { range: `bytes=${range.first}-${range.last}` };
      const response = await expecting([range ? 206 : 200], await send('GET', sha256, { headers }));
      return Readable.fromWeb(response.body as ReadableStream);
    },
    async remove(sha256) {
      const signal = AbortSignal.timeout(answerMs);
      await discard(await expecting([200, 204, 404], await send('DELETE', sha256, { signal })));
    },
  };
}

interface Sending {
  headers?: Record<string, string> | undefined;
  /** SHA-256 in hexadecimal. */
  bodyHash?: string;
  body?: Blob;
  /** Of one that may take long: none. */
  signal?: AbortSignal;
}

const discard = async (response: Response): Promise<void> => response.body?.cancel();
