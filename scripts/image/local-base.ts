import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { dockerBuild } from './docker.ts';

export const LOCAL_BASE = 'linchpin/node-base';

const DOCKERFILE = `FROM scratch
COPY root/ /
ENV PATH=/usr/local/bin
`;

/** The pinned Node, the libraries that it is linked to, certificates and two users; no shell. */
export function buildLocalBase(root: string): void {
  const folder = mkdtempSync(join(tmpdir(), 'linchpin-base-'));
  try {
    const image = join(folder, 'root');
    const node = join(root, 'toolchain/node_modules', `node-linux-${process.arch}`, 'bin/node');
    copy(node, join(image, 'usr/local/bin/node'));
    for (const library of librariesOf(node)) copy(library, join(image, library));
    copy('/etc/ssl/certs/ca-certificates.crt', join(image, 'etc/ssl/certs/ca-certificates.crt'));
    mkdirSync(join(image, 'tmp'), { mode: 0o777 });
    writeFileSync(join(image, 'etc/passwd'), 'root:x:0:0::/:/\nlinchpin:x:10001:10001::/app:/\n');
    writeFileSync(join(image, 'etc/nsswitch.conf'), 'hosts: files dns\n');
    writeFileSync(join(folder, 'Dockerfile'), DOCKERFILE);
    dockerBuild(['--tag', LOCAL_BASE, folder]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function copy(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true });
  cpSync(realpathSync(from), to);
}

/** Absolute paths, the dynamic linker too. */
const librariesOf = (program: string): string[] =>
  execFileSync('ldd', [program], { encoding: 'utf8' })
    .split('\n')
    .flatMap((line) => /(\/\S+)(?= \(0x)/.exec(line)?.[1] ?? []);
