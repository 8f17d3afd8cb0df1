import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { CliError, EXIT } from '../cli-error.ts';
import { REPOSITORY } from '../installation/home.ts';

/** A program of its own, so that an auditor can read all that it does. */
const PROGRAM = join(REPOSITORY, 'services/persistent-chat/src/compliance/export/verify-export.ts');
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;

export interface ExportVerdict {
  /** What it says of an export that is whole. */
  summary: string;
  /** What is not as it was exported, a line each. */
  problems: string[];
}

/**
 * Checks an archive, or a folder that it was unpacked to, without any server. `manifestHash`: hex SHA-256 of its manifest.json, as
 * the audit has it. Rejects with CliError (never EXIT.failed, which says that it is not whole) when it cannot be read, when the
 * hash is empty, and where the program is not there.
 */
export async function verifyExport(archive: string, manifestHash?: string): Promise<ExportVerdict> {
  if (!existsSync(PROGRAM))
    throw new CliError(
      'Here is no program for that: it is in images of Persistent Chat, node verify-export.js.',
      EXIT.usage,
    );
  const hash = manifestHash === undefined ? [] : [manifestHash];
  const { code, out, err } = await runNode([PROGRAM, archive, ...hash]);
  if (code === 0) return { summary: out.trim(), problems: [] };
  if (code === EXIT.failed) return { summary: '', problems: err.trim().split('\n') };
  throw new CliError(err.trim(), EXIT.usage);
}

function runNode(args: string[]): Promise<{ code: unknown; out: string; err: string }> {
  return new Promise((resolve) =>
    execFile(process.execPath, args, { maxBuffer: MAX_OUTPUT_BYTES }, (error, out, err) =>
      resolve({ code: error === null ? 0 : error.code, out, err }),
    ),
  );
}
