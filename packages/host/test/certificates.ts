import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Authority, createAuthority } from '@linchpin/backends';
import type { TlsFiles } from '../src/config.ts';
import { createMtls, type Mtls } from '../src/mtls.ts';

/** A private CA in a temporary folder. */
export interface Certificates extends AsyncDisposable {
  dir: string;
  authority: Authority;
  /** Files of a role as an installation has them: `<role>.linchpin.internal`, the pod, localhost. */
  files(role: string, pod?: string): Promise<TlsFiles>;
  mtls(role: string): Promise<Mtls>;
}

export async function createCertificates(): Promise<Certificates> {
  const dir = await mkdtemp(join(tmpdir(), 'linchpin-host-'));
  const authority = createAuthority(dir);
  const files = async (role: string, pod = `${role}-0`): Promise<TlsFiles> => {
    const paths = { cert: join(dir, `${role}.pem`), key: join(dir, `${role}.key`) };
    await authority.issue({
      name: pod,
      dns: [`${role}.linchpin.internal`, pod, 'localhost'],
      ips: ['127.0.0.1'],
      certPath: paths.cert,
      keyPath: paths.key,
    });
    return { ca: authority.caPath, ...paths };
  };
  return {
    dir,
    authority,
    files,
    mtls: async (role) => createMtls(await files(role)),
    [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }),
  };
}
