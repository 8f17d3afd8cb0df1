// What is in an export: `manifest.json`, the last file of the archive.

export const EXPORT_FORMAT = 'linchpin-compliance-export/1';
export const MANIFEST = 'manifest.json';

export interface Manifest {
  format: typeof EXPORT_FORMAT;
  /** RFC 3339. */
  createdAt: string;
  /** Who asked for it. */
  by: string;
  reason: string;
  /** One of them is set. */
  of: { room?: string; user?: string };
  scopes: ManifestScope[];
  files: ManifestFile[];
  /** Where the audit ended with this export in it; the hash in hex. Exports of early releases do not say it. */
  audit?: { seq: number; hash: string };
}

export interface ManifestScope {
  scope: string;
  name: string;
  /** Events of it in the export. */
  events: number;
  firstSeq: number;
  lastSeq: number;
  /** What the chain had when the export began; hashes in hex. All events from `cutSeq` + 1 to `headSeq` are in the export of a room. */
  cutSeq: number;
  cutHash: string;
  headSeq: number;
  headHash: string;
}

export interface ManifestFile {
  path: string;
  bytes: number;
  /** Hex. */
  sha256: string;
  scope: string;
  events: number;
  firstSeq: number;
  lastSeq: number;
}

/**
 * A line of the files with events. `previous` is the hash before this event, on the first line of each file and where the event
 * does not follow the one in the line before it.
 */
export interface ExportLine {
  event: Record<string, unknown>;
  hash: string;
  previous?: string;
}
