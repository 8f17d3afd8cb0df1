// The files of a pod: every part, in the order in which they are made.
import { join } from 'node:path';
import type { Logger } from '@linchpin/host';
import type { PersistentChatConfigurationSpec } from '@linchpin/topology';
import type { Registry } from 'prom-client';
import { type Caller, ChatError } from '../chat.ts';
import type { PersistentChatConfig } from '../config.ts';
import { createDiskStorage } from './disk.ts';
import { createFiles, type Files, type FilesParts, viewerOf } from './files.ts';
import { createFreeSpace } from './free-space.ts';
import { createQuota, type QuotaLimits } from './quota.ts';
import { createS3Storage } from './s3.ts';
import { createScan } from './scan.ts';
import { createStaging } from './staging.ts';
import { notOfRoom } from './store.ts';
import { createSweeper, type Sweeper, type SweeperParts } from './sweeper.ts';
import { createFilesTelemetry } from './telemetry.ts';

type Limits = Pick<
  PersistentChatConfigurationSpec,
  | 'maxFileKilobytes'
  | 'blockedFileTypes'
  | 'uploadsAtOncePerUser'
  | 'uploadMegabytesPerUser'
  | 'uploadMegabytesPerRoom'
  | 'uploadQuotaHours'
  | 'unpostedFileHours'
>;

export interface FilesPartsOfPod
  extends Pick<FilesParts, 'database' | 'standing' | 'noteFile' | 'isComplianceThere' | 'log'> {
  config: Pick<PersistentChatConfig, 'files' | 'dataDir'>;
  /** What holds now. */
  limits(): Limits;
  withHolds: SweeperParts['withHolds'];
  metrics: Registry;
  log: Logger;
}

/** A kilobyte of files is a thousand bytes, as in Lync's settings. */
const KILOBYTE = 1000;
const MEGABYTE = 1_000_000;

const quotaOf = (limits: Limits): QuotaLimits => ({
  atOnce: limits.uploadsAtOncePerUser,
  bytesPerUser: limits.uploadMegabytesPerUser * MEGABYTE,
  bytesPerRoom: limits.uploadMegabytesPerRoom * MEGABYTE,
  hours: limits.uploadQuotaHours,
});

export function createFilesOfPod(parts: FilesPartsOfPod): { files: Files; sweeper: Sweeper } {
  const { config, database, standing, noteFile, isComplianceThere, limits, withHolds, metrics, log } = parts;
  const { s3, scan, uploads, keepUnusedHours, keepFreeMegabytes } = config.files;
  const { directory = join(config.dataDir, 'files') } = config.files;
  const telemetry = createFilesTelemetry(metrics);
  const staging = createStaging(directory);
  const storage = s3 ? createS3Storage(s3) : createDiskStorage(directory);
  const files = createFiles({
    database,
    standing,
    noteFile,
    limits() {
      const { maxFileKilobytes, blockedFileTypes } = limits();
      return { maxBytes: maxFileKilobytes * KILOBYTE, blocked: blockedFileTypes };
    },
    isComplianceThere,
    quota: createQuota(() => quotaOf(limits())),
    space: createFreeSpace(directory, keepFreeMegabytes * MEGABYTE),
    staging,
    storage,
    scan: createScan(scan, log),
    maxUploads: uploads,
    telemetry,
    log,
  });
  const sweeper = createSweeper({
    ...{ database, staging, storage, keepUnusedHours, telemetry, log },
    unpostedHours: () => limits().unpostedFileHours,
    withHolds,
  });
  return { files, sweeper };
}

/** For posts that name files: rejects where one of them is not of the room (its id), or not for the caller. */
export function createFileCheck(database: Pick<FilesParts['database'], 'use'>) {
  return async (caller: Caller, room: string, ids: readonly string[]): Promise<void> => {
    const [missing] = await database.use((client) => notOfRoom(client, room, ids, viewerOf(caller)));
    if (missing !== undefined) throw new ChatError('invalid', `files: ${missing} is no file of this room`);
  };
}
