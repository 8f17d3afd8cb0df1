// One room for clients of three kinds, none of them written here: curl posts over HTTPS, curl follows the stream of events,
// and baresip talks by SIP. Each is served by a pod of its own; one dies. Then an auditor asks what happened.
import { readFile } from 'node:fs/promises';
import { createRpcClient } from '@linchpin/host';
import { ChatClient } from '@linchpin/proto/chat/v1/chat';
import { type ChainReport, ComplianceClient } from '@linchpin/proto/chat/v1/compliance';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Baresip, startBaresip } from '../peers/baresip.ts';
import { startNameServer } from '../peers/dns.ts';
import { type Run, run } from '../peers/process.ts';
import type { Pod } from '../pool/pod.ts';
import { CHAT_DATABASES, databaseOf } from '../pool/pod-config.ts';
import { type PoolLab, startPool } from '../pool/pool.ts';

const ROOM = 'room-desk@contoso.lab';
const [anna, bert, carl] = ['u0@contoso.lab', 'u1@contoso.lab', 'u2@contoso.lab'] as const;
const wait = { timeout: 30_000, interval: 50 };

let pool: PoolLab;
let names: Awaited<ReturnType<typeof startNameServer>>;
let baresip: Baresip;
let caFile: string;
let stream: Following;

const pods = () => pool.pods('persistent-chat');
const httpsOf = (pod: Pod): string => `https://localhost:${pod.ports.listeners['chat-https']}`;
const curl = (...args: string[]): Run =>
  run('curl', ['--silent', '--show-error', '--cacert', caFile, ...args]);

async function done(running: Run): Promise<string> {
  if ((await running.exited) !== 0) throw new Error(running.output());
  return running.output();
}

const digest = (user: string): string[] => ['--digest', '--user', `${user}:${pool.password(user)}`];

/** As curl's user would write it in a script: again and again, as the same post, until it is taken. */
const post = async (body: string, url = httpsOf(pods()[0] as Pod)): Promise<number> => {
  const again = ['--fail', '--retry', '20', '--retry-delay', '1', '--retry-all-errors'];
  const json = ['--json', JSON.stringify({ clientId: body, body })];
  const said = await done(curl(...digest(anna), ...again, ...json, `${url}/v1/rooms/Desk/posts`));
  // Before its answer it says how often it could not connect.
  return JSON.parse(said.slice(said.indexOf('{"'))).seq;
};

interface Following {
  /** Resolves when it is in the room. */
  joined(): Promise<unknown>;
  /** What was posted, in the order in which it was told. */
  bodies(): string[];
  stop(): Promise<void>;
}

/** What EventSource does: whenever the stream ends it comes back with the last id that it was given. */
function follow(user: string, url: string, anyPod: string): Following {
  let told = '';
  let stopped = false;
  let current: Run | undefined;
  const going = (async () => {
    for (let at = url; !stopped; at = anyPod) {
      const lastId = [...told.matchAll(/^id: (.+)$/gm)].at(-1)?.[1];
      const resume = lastId ? ['--header', `last-event-id: ${lastId}`] : [];
      current = curl('-N', ...digest(user), ...resume, `${at}/v1/rooms/Desk/events`);
      await current.exited;
      told += current.output();
    }
  })();
  return {
    joined: () => (current as Run).waitFor(/^event: joined/m),
    bodies: () =>
      [...`${told}${stopped ? '' : (current?.output() ?? '')}`.matchAll(/^event: post\ndata: (.+)$/gm)].map(
        ([, data]) => JSON.parse(data ?? '').body,
      ),
    async stop() {
      stopped = true;
      await current?.stop();
      await going;
    },
  };
}

/** What it takes to connect to the first pod as an administrator. */
const asAdmin = async () =>
  [
    `127.0.0.1:${(pods()[0] as Pod).ports.rpc}`,
    'persistent-chat',
    await pool.lab.mtls('admin', 'auditor'),
  ] as const;

const call = <T>(ask: (done: (error: Error | null, answer: T) => void) => unknown): Promise<T> =>
  new Promise((resolve, reject) => {
    ask((error, answer) => (error ? reject(error) : resolve(answer)));
  });

beforeAll(async () => {
  pool = await startPool({ frontends: 1, directors: 1, edges: 0, chats: 3, users: 3 });
  ({ ca: caFile } = await pool.lab.sipTls(pool.domain));
  await pool.view.ownedBy(pool.pods('frontend').map(({ name }) => name));
  const chat = createRpcClient(ChatClient, ...(await asAdmin()));
  const caller = { user: '' };
  const allowed = { principals: ['domain:contoso.lab'] };
  const category = { name: 'Trade', allowed, denied: undefined, creators: undefined };
  await call((done) => chat.createCategory({ caller, spec: category }, done));
  const access = { members: [anna, bert, carl], managers: [], presenters: [] };
  await call((done) => chat.createRoom({ caller, spec: { name: 'Desk', category: 'Trade' }, access }, done));
  chat.close();

  names = await startNameServer();
  const [frontend] = pool.pods('frontend') as [Pod];
  baresip = await startBaresip({
    user: bert,
    password: pool.password(bert),
    server: `localhost:${frontend.ports.listeners['sip-tls']}`,
    caFile,
    nameServerPort: names.port,
    contacts: [ROOM],
  });
  await baresip.waitForOutput(/REGISTER_OK/);
  const [, second] = pods() as [Pod, Pod];
  stream = follow(carl, httpsOf(second), `https://localhost:${pool.ways.chat.port}`);
  await stream.joined();
});

afterAll(async () => {
  await stream?.stop();
  await baresip?.stop();
  await names?.stop();
  await pool?.close();
});

const heardByBaresip = (text: string) => baresip.waitForOutput(new RegExp(`sip:${ROOM}: "${text}"`), 30_000);

describe('a room on every surface', () => {
  it('is the same for curl, for a stream of events and for baresip', async () => {
    await baresip.command('message', 'good morning by SIP');
    await expect.poll(() => stream.bodies(), wait).toContain('good morning by SIP');
    await post('good morning by curl');
    await expect.poll(() => stream.bodies(), wait).toContain('good morning by curl');
    await heardByBaresip('u0: good morning by curl');
  });

  it('goes on when the pod of the stream dies: nothing is missed, and nothing comes twice', async () => {
    const [, second] = pods() as [Pod, Pod];
    const sent: string[] = [];
    for (let n = 0; n < 30; n++) {
      if (n === 10) void pool.kill9(second);
      await post(`number ${n}`, `https://localhost:${pool.ways.chat.port}`);
      sent.push(`number ${n}`);
    }
    const numbered = () => stream.bodies().filter((body) => body.startsWith('number'));
    await expect.poll(() => numbered(), wait).toHaveLength(sent.length);
    expect(numbered()).toEqual(sent);
    for (const text of sent) await heardByBaresip(`u0: ${text}`);
  });

  it('is on record: an auditor takes it away, and sees when a row is altered', async () => {
    const seq = await post('buy gold');
    const auditor = createRpcClient(ComplianceClient, ...(await asAdmin()));
    const [rooms, compliance] = CHAT_DATABASES;
    const sql = async (database: string, text: string, values?: unknown[]) => {
      const { passwordFile, ...rest } = databaseOf(pool.lab, database);
      const password = (await readFile(passwordFile, 'utf8')).trim();
      const client = new pg.Client({ ...rest, password });
      await client.connect();
      try {
        return (await client.query(text, values)).rows;
      } finally {
        await client.end();
      }
    };
    const [room] = await sql(rooms, `SELECT id FROM rooms WHERE name = 'Desk'`);
    const isStored = () =>
      sql(compliance, 'SELECT 1 FROM events WHERE scope = $1 AND seq = $2', [room.id, seq]);
    // What the killed pod had taken from the queue comes again after its half a minute.
    await expect.poll(isStored, { ...wait, timeout: 90_000 }).toHaveLength(1);
    const verify = async (): Promise<ChainReport[]> => {
      const reports: ChainReport[] = [];
      for await (const report of auditor.verify({ scope: room.id, anchors: [], reason: 'case 1' }))
        reports.push(report);
      return reports;
    };
    const archive: Buffer[] = [];
    for await (const { data } of auditor.export({ room: room.id, user: '', reason: 'case 1', order: '' }))
      archive.push(data);
    expect(Buffer.concat(archive).toString('latin1')).toContain('buy gold');
    expect(await verify()).toMatchObject([{ finding: undefined }]);

    await sql(
      compliance,
      `UPDATE events SET event = replace(event, 'buy gold', 'buy tin') WHERE scope = $1 AND seq = $2`,
      [room.id, seq],
    );
    expect(await verify()).toMatchObject([{ finding: { problem: 'altered', seq } }]);
    auditor.close();
  }, 120_000);
});
