import { unwatchFile, watchFile } from 'node:fs';

// A Secret that is renewed arrives in a pod by another symbolic link, which no file event tells of: asked for now and then.
const INTERVAL_MS = 5_000;
const SETTLE_MS = 1_000;

export interface Pem {
  cert: string;
  key: string;
  ca?: string;
}

/** Paths of the PEM files in a configuration, wherever they stand. */
export function certificatesIn(config: unknown): Pem[] {
  if (typeof config !== 'object' || config === null) return [];
  const { ca, cert, key } = config as Record<string, unknown>;
  const below = Object.values(config).flatMap(certificatesIn);
  if (typeof cert !== 'string' || typeof key !== 'string') return below;
  return [{ cert, key, ...(typeof ca === 'string' && { ca }) }, ...below];
}

/** Calls `onChange` a second after the last of the files has changed. Returns the way to stop; does not keep a process alive. */
export function followFiles(paths: readonly string[], onChange: () => void): () => void {
  let settling: NodeJS.Timeout | undefined;
  const changed = (): void => {
    clearTimeout(settling);
    settling = setTimeout(onChange, SETTLE_MS).unref();
  };
  for (const path of paths) watchFile(path, { interval: INTERVAL_MS, persistent: false }, changed);
  return () => {
    clearTimeout(settling);
    for (const path of paths) unwatchFile(path, changed);
  };
}
