import { mkdir, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Writes a certificate and its key (0600); the key is there first. */
export async function writePair(
  certPath: string,
  keyPath: string,
  pair: { cert: string; key: string },
): Promise<void> {
  await mkdir(dirname(certPath), { recursive: true, mode: 0o700 });
  await mkdir(dirname(keyPath), { recursive: true, mode: 0o700 });
  await replace(keyPath, pair.key, 0o600);
  await replace(certPath, pair.cert, 0o644);
}

async function replace(path: string, content: string, mode: number): Promise<void> {
  await writeFile(`${path}.new`, content, { mode });
  await rename(`${path}.new`, path);
}
