// Files of rooms: who may keep and get them, what they may be, and in which order they come to be.
import { randomUUID } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { Logger } from '@linchpin/host';
import type { PoolClient } from 'pg';
import { type Caller, type Chat, ChatError, type FileNote } from '../chat.ts';
import type { FreeSpace } from './free-space.ts';
import { checkedName } from './names.ts';
import type { Quota } from './quota.ts';
import type { Scan } from './scan.ts';
import { type Staged, type Staging, tooLarge } from './staging.ts';
import { type ByteRange, type FileStorage, StorageFailure } from './storage.ts';
import {
  deletePending,
  insertPending,
  makeReady,
  type NewFile,
  type RoomFile,
  selectFile,
  selectFiles,
  selectNewest,
  type Viewer,
} from './store.ts';
import type { FilesTelemetry } from './telemetry.ts';
import { checkedType } from './types.ts';

export interface Upload {
  name: string;
  /** As the client says; what comes counts. */
  bytes: number | undefined;
  /** Asked for once, when nothing speaks against the upload. */
  content(): AsyncIterable<Buffer>;
}

export interface OpenFile {
  file: RoomFile;
  /** Told to compliance first: it rejects where that is not possible and has to be. */
  read(range?: ByteRange): Promise<Readable>;
}

/** All reject with ChatError. */
export interface Files {
  /**
   * `invalid` for names, types and contents that are refused, `too-large`, `limit`, `full`, `forbidden`, `unavailable`; then nothing is
   * kept. Only the caller is shown the file until a post names it, and it ends when none does in time.
   */
  upload(caller: Caller, room: string, upload: Upload): Promise<RoomFile>;
  /** Those of `ids` that are of the room, in their order; else the newest first. */
  list(
    caller: Caller,
    room: string,
    query: { ids?: string[] | undefined; before?: string | undefined; limit?: number | undefined },
  ): Promise<RoomFile[]>;
  open(caller: Caller, room: string, id: string): Promise<OpenFile>;
}

export interface FilesParts {
  database: {
    use<T>(run: (client: PoolClient) => Promise<T>): Promise<T>;
    transaction<T>(run: (client: PoolClient) => Promise<T>): Promise<T>;
  };
  standing(caller: Caller, room: string): Promise<FileStanding>;
  noteFile: Chat['noteFile'];
  limits(): { maxBytes: number; blocked: readonly string[] };
  /** Whether compliance can be relied on at this moment: asked where a category requires it. */
  isComplianceThere(): boolean;
  quota: Quota;
  space: FreeSpace;
  staging: Staging;
  storage: FileStorage;
  scan: Scan;
  /** At one time. */
  maxUploads: number;
  telemetry: FilesTelemetry;
  log: Logger;
}

/** What counts here of somebody's standing in a room. */
export interface FileStanding {
  room: { id: string; complianceRequired: boolean };
  mayRead: boolean;
  mayUpload: boolean;
}

const PAGE = 100;

export function createFiles(parts: FilesParts): Files {
  const {
    database,
    standing,
    noteFile,
    limits,
    isComplianceThere,
    quota,
    space,
    staging,
    storage,
    scan,
    telemetry,
    log,
  } = parts;
  let uploads = 0;

  async function readable(caller: Caller, room: string): Promise<string> {
    const { room: found, mayRead } = await standing(caller, room);
    if (!mayRead) throw new ChatError('forbidden', 'the files of this room are for its members');
    return found.id;
  }

  async function writable(caller: Caller, room: string): Promise<string> {
    const { room: found, mayUpload } = await standing(caller, room);
    if (!mayUpload) throw new ChatError('forbidden', 'you may not keep files in this room');
    if (found.complianceRequired && !isComplianceThere()) throw withoutCompliance();
    return found.id;
  }

  /** All that speaks against an upload before its first byte is asked for. */
  async function upload(caller: Caller, room: string, given: Upload): Promise<RoomFile> {
    const { maxBytes, blocked } = limits();
    const name = checkedName(given.name, blocked);
    const id = await writable(caller, room);
    if ((given.bytes ?? 0) > maxBytes) throw tooLarge(maxBytes);
    const by = nameOf(caller);
    const leave = quota.enter(by);
    try {
      await database.use((client) => quota.check(client, by, id, given.bytes ?? 0));
      const release = await space.reserve(given.bytes ?? maxBytes);
      try {
        return await take(caller, { id: randomUUID(), room: id, name, by }, given);
      } finally {
        release();
      }
    } finally {
      leave();
    }
  }

  async function take(
    caller: Caller,
    file: Pick<NewFile, 'id' | 'room' | 'name' | 'by'>,
    given: Upload,
  ): Promise<RoomFile> {
    const { maxBytes, blocked } = limits();
    const staged = await staging.take(given.content(), maxBytes);
    try {
      const type = await checkedType(staged.path, blocked);
      await scan(staged.path);
      const { bytes, sha256 } = staged;
      return await keep(caller, { ...file, type, bytes, sha256 }, staged);
    } finally {
      await staging.discard(staged);
    }
  }

  /** The row protects the content while it is stored, and is seen by nobody before compliance knows. */
  async function keep(caller: Caller, file: NewFile, staged: Staged): Promise<RoomFile> {
    await database.transaction((client) => enter(client, file)).catch(withoutRoom);
    try {
      await storage.put(file.sha256, staged.path, file.bytes);
      // The upload may have taken minutes.
      await writable(caller, file.room);
      await noteFile(caller, file.room, 'upload', noteOf(file));
      const ready = await database.use((client) => makeReady(client, file.id));
      if (ready === undefined) throw noRoom();
      return ready;
    } catch (error) {
      // Where even that fails it goes later: nobody can see it.
      await database
        .use((client) => deletePending(client, file.id))
        .catch((why) => log.warn({ err: why }, 'an unfinished upload is left for later'));
      throw error;
    }
  }

  async function enter(client: PoolClient, file: NewFile): Promise<void> {
    await quota.reserve(client, file.by, file.room, file.bytes);
    await insertPending(client, file);
  }

  async function counted(run: () => Promise<RoomFile>): Promise<RoomFile> {
    if (uploads >= parts.maxUploads) throw new ChatError('limit', 'too many uploads at this moment', 5);
    uploads++;
    try {
      const file = await run();
      telemetry.bytes.inc({ direction: 'in' }, file.bytes);
      telemetry.uploads.inc({ result: 'stored' });
      return file;
    } catch (error) {
      const known = storageError(error, log);
      telemetry.uploads.inc({ result: known instanceof ChatError ? known.code : 'failed' });
      throw known;
    } finally {
      uploads--;
    }
  }

  return {
    upload: (caller, room, given) => counted(() => upload(caller, room, given)),
    async list(caller, room, { ids, before, limit = PAGE }) {
      const id = await readable(caller, room);
      return database.use((client) =>
        ids
          ? selectFiles(client, id, ids, viewerOf(caller))
          : selectNewest(client, id, { before, limit }, viewerOf(caller)),
      );
    },
    async open(caller, room, id) {
      const found = await readable(caller, room);
      const file = await database.use((client) => selectFile(client, found, id, viewerOf(caller)));
      if (file === undefined) throw new ChatError('not-found', 'there is no such file in this room');
      return {
        file,
        async read(range) {
          await noteFile(caller, found, 'download', noteOf(file));
          telemetry.bytes.inc({ direction: 'out' }, range ? range.last - range.first + 1 : file.bytes);
          return storage.read(file.sha256, range).catch((error) => {
            throw storageError(error, log);
          });
        },
      };
    },
  };
}

const nameOf = ({ name, admin }: Caller): string => (admin ? `admin:${name}` : name);

/** As whom somebody is shown files. */
export const viewerOf = (caller: Caller): Viewer => ({
  name: nameOf(caller),
  admin: caller.admin === true,
});

const noteOf = ({ id, name, bytes, type, sha256 }: NewFile): FileNote => ({ id, name, bytes, type, sha256 });

const withoutCompliance = (): ChatError =>
  new ChatError('unavailable', 'files are not taken here while they cannot be kept for compliance', 10);

const noRoom = (): ChatError => new ChatError('not-found', 'there is no such room any more');

/** PostgreSQL's code for a reference to nothing: the room was deleted meanwhile. */
function withoutRoom(error: { code?: string }): never {
  throw error.code === '23503' ? noRoom() : error;
}

/** What went wrong with the store, as it is to whoever asks. */
function storageError(error: unknown, log: Logger): unknown {
  if (!(error instanceof StorageFailure)) return error;
  log.error(
    { err: error },
    error.why === 'full' ? 'the store of files is full' : 'the store of files failed',
  );
  return error.why === 'full'
    ? new ChatError('full', 'the server has no room for more files')
    : new ChatError('unavailable', 'the store of files is away', 10);
}
