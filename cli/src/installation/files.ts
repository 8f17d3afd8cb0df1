import { rename, writeFile } from 'node:fs/promises';

/** Readers find the old content or the new one, never a part. */
export async function replaceFile(path: string, content: string, mode = 0o600): Promise<void> {
  await writeFile(`${path}.new`, content, { mode });
  await rename(`${path}.new`, path);
}
