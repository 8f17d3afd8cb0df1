// Files over HTTPS, with their tables in a real PostgreSQL; rooms and who may what are those of the test.
import { randomUUID } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createHealth, createLog, createPostgres, migrate } from '@linchpin/host';
import { createLab, type Lab } from '@linchpin/testkit';
import type { Pool } from 'pg';
import { Registry } from 'prom-client';
import type { Caller } from '../../src/chat.ts';
import { persistentChatConfig } from '../../src/config.ts';
import { createDatabase, type Database } from '../../src/database/database.ts';
import { migrations } from '../../src/database/migrations.ts';
import { createFilesOfPod } from '../../src/files/create-files.ts';
import type { Sweeper } from '../../src/files/sweeper.ts';
import type { WithHolds } from '../../src/legal-holds.ts';
import type { Answer } from '../web/ask.ts';
import type { FakeChat } from '../web/fake-chat.ts';
import { createWebRig, type WebRig } from '../web/rig.ts';

const log = createLog({ role: 'test', name: 'test', level: 'silent' });

export const alice = 'alice@contoso.lab';
export const bob = 'bob@contoso.lab';
export const bytesType = { 'content-type': 'application/octet-stream' };

const ample = {
  maxFileKilobytes: 100,
  blockedFileTypes: ['exe', 'js'],
  uploadsAtOncePerUser: 4,
  uploadMegabytesPerUser: 100,
  uploadMegabytesPerRoom: 100,
  uploadQuotaHours: 24,
  unpostedFileHours: 24,
};

/** What all tests of a file share. */
export interface Store {
  readonly lab: Lab;
  readonly pool: Pool;
  readonly database: Database;
  close(): Promise<void>;
}

/** Of the configuration. */
export interface FilesRigOptions {
  files?: Record<string, unknown>;
  web?: Record<string, unknown>;
}

/** What holds at the start of a test; tests change it. */
interface Circumstances {
  limits: typeof ample;
  held: { all: boolean; subjects: string[] };
  /** Rejects where somebody may have placed a hold after all. */
  stand: () => Promise<void>;
  rights: { mayRead: boolean; mayUpload: boolean };
  complianceRequired: boolean;
  complianceThere: boolean;
}

type Upload = (name: string, body: Buffer | string, headers?: Record<string, string>) => Promise<Answer>;

export interface FilesRig extends Circumstances {
  readonly web: WebRig;
  readonly sweeper: Sweeper;
  /** Of contents, and of uploads that are under way. */
  readonly directory: string;
  /** That files are uploaded to. */
  room: string;
  newRoom(name: string, chatHistory?: boolean): Promise<string>;
  /** As alice. */
  upload: Upload;
  uploadOf(who: string, ...uploading: Parameters<Upload>): ReturnType<Upload>;
  /** Writes into the table what a post would. */
  postNaming(seq: number, files: string[], author?: string): Promise<void>;
  contents(): Promise<string[]>;
  fileRows(): Promise<string[]>;
  /** Those that somebody is shown, by their ids. */
  shownTo(name: string): Promise<string[]>;
  statusFor(name: string, id: string): Promise<number>;
  close(): Promise<void>;
}

export async function createStore(): Promise<Store> {
  const lab = await createLab({ postgres: true, nats: false });
  const { port, passwordFile } = lab.postgres;
  const place = { host: '127.0.0.1', port, user: 'linchpin', database: 'postgres', passwordFile };
  const pool = await createPostgres({ ...place, connections: 10 }, 'test', log);
  const database = createDatabase({
    pool,
    prepare: async (client) => void (await migrate(client, migrations)),
    onUnusable: (error) => {
      throw error;
    },
    health: createHealth(),
    log,
  });
  await database.start();
  return {
    ...{ lab, pool, database },
    async close() {
      await database.stop();
      await pool.end();
      await lab.close();
    },
  };
}

export async function createFilesRig(store: Store, options: FilesRigOptions = {}): Promise<FilesRig> {
  const { pool } = store;
  let made: ReturnType<typeof createFilesOfPod> | undefined;
  const web = await createWebRig({
    web: options.web,
    files(chat, dataDir) {
      made = createFilesOfPod({
        ...partsOf(store, chat, () => rig),
        config: { dataDir, files: persistentChatConfig.shape.files.parse(options.files ?? {}) },
      });
      return made.files;
    },
  });
  const { sweeper } = made as NonNullable<typeof made>;
  const directory = join(web.dir, 'files');
  const path = (id = '') => `/v1/rooms/${rig.room}/files${id}`;

  const rig: FilesRig = {
    ...circumstances(),
    ...{ web, sweeper, directory },
    room: await addRoom(pool, web.chat, `room ${randomUUID()}`),
    newRoom: (...naming) => addRoom(pool, web.chat, ...naming),
    upload: (...uploading) => rig.uploadOf('alice', ...uploading),
    uploadOf: (who, name, body, headers = bytesType) =>
      web.as(who, path(`?name=${encodeURIComponent(name)}`), { method: 'PUT', body, headers }),
    async postNaming(seq, files, author = alice) {
      await pool.query(
        "INSERT INTO posts (room, seq, author, at, client_id, body, files) VALUES ($1, $2::bigint, $3, now(), $2::bigint::text, '', $4)",
        [rig.room, seq, author, files],
      );
    },
    contents: async () =>
      (await readdir(join(directory, 'blobs'), { recursive: true, withFileTypes: true }).catch(() => []))
        .filter((entry) => entry.isFile())
        .map(({ name }) => name),
    fileRows: async () => idsOf((await pool.query('SELECT id FROM files WHERE room = $1', [rig.room])).rows),
    shownTo: async (name) => idsOf((await web.as(name, path())).json.files),
    statusFor: async (name, id) => (await web.as(name, path(`/${id}`))).status,
    close: web.close,
  };
  return rig;
}

const idsOf = (rows: { id: string }[]): string[] => rows.map(({ id }) => id).sort();

const circumstances = (): Circumstances => ({
  limits: { ...ample },
  held: { all: false, subjects: [] },
  stand: async () => {},
  rights: { mayRead: true, mayUpload: true },
  complianceRequired: false,
  complianceThere: true,
});

const partsOf = ({ database }: Store, chat: FakeChat, now: () => Circumstances) => ({
  database,
  standing: async (caller: Caller, ref: string) => ({
    room: { ...(await chat.room(caller, ref)), complianceRequired: now().complianceRequired },
    ...now().rights,
  }),
  noteFile: chat.noteFile,
  isComplianceThere: () => now().complianceThere,
  limits: () => now().limits,
  withHolds: ((run) => run({ of: async () => now().held, stand: () => now().stand() })) as WithHolds,
  metrics: new Registry(),
  log,
});

async function addRoom(pool: Pool, chat: FakeChat, name: string, chatHistory = true): Promise<string> {
  const { id } = chat.addRoom(name, [alice, bob], chatHistory);
  const category = randomUUID();
  await pool.query('INSERT INTO categories (id, name, chat_history) VALUES ($1, $2, $3)', [
    ...[category, `of ${name}`, chatHistory],
  ]);
  await pool.query('INSERT INTO rooms (id, category, name) VALUES ($1, $2, $3)', [id, category, name]);
  return id;
}
