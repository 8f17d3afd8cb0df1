// Prosody as a serious deployment has it: rooms that last (MUC), their archive (MAM) in PostgreSQL, TLS.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { freePort } from '@linchpin/backends';
import { run } from '../../peers/process.ts';
import { cpuSeconds } from '../cpu.ts';
import type { ChatLab } from './lab.ts';
import type { RoomServer } from './member.ts';
import { postgresOf } from './pod-config.ts';
import { signInByXmpp } from './xmpp-member.ts';

export const PROSODY_DATABASE = 'prosody';
const DOMAIN = 'contoso.lab';
const ROOMS = `rooms.${DOMAIN}`;
const START_MS = 20_000;

const lua = (text: string): string => JSON.stringify(text);

async function configOf(chat: ChatLab, dir: string, port: number): Promise<string> {
  const { cert, key } = await chat.lab.sipTls(DOMAIN);
  const { host, user, database, passwordFile, port: sqlPort } = postgresOf(chat.lab, PROSODY_DATABASE);
  const password = await readFile(passwordFile, 'utf8');
  const sql = `driver = "PostgreSQL", host = ${lua(host)}, port = ${sqlPort}, database = ${lua(database)}`;
  return `
run_as_root = true
daemonize = false
pidfile = ${lua(join(dir, 'prosody.pid'))}
data_path = ${lua(join(dir, 'data'))}
log = { warn = ${lua(join(dir, 'prosody.log'))} }
use_ipv6 = false
interfaces = { "127.0.0.1" }
c2s_ports = { }
c2s_direct_tls_ports = { ${port} }
s2s_ports = { }
http_ports = { }
https_ports = { }
modules_enabled = { "roster", "saslauth", "tls", "disco", "ping", "posix", "presence", "message", "iq", "c2s" }
modules_disabled = { "s2s" }
ssl = { certificate = ${lua(cert)}, key = ${lua(key)} }
authentication = "internal_plain"
storage = { muc_log = "sql" }
sql = { ${sql}, username = ${lua(user)}, password = ${lua(password)} }
VirtualHost ${lua(DOMAIN)}
Component ${lua(ROOMS)} "muc"
  modules_enabled = { "muc_mam" }
  muc_log_by_default = true
  muc_room_locking = false
  muc_room_default_persistent = true
`;
}

/** Accounts as its own store has them, a file for each. */
async function writeAccounts(dir: string, users: readonly string[]): Promise<void> {
  const accounts = join(dir, 'data', DOMAIN.replaceAll('.', '%2e'), 'accounts');
  await mkdir(accounts, { recursive: true });
  await Promise.all(
    users.map((user) =>
      writeFile(join(accounts, `${user}.dat`), `return { ["password"] = ${lua(`pw-${user}`)} };\n`),
    ),
  );
}

const answers = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });

/** Users are u0, u1, … with passwords pw-u0, pw-u1, … */
export async function startProsody(
  chat: ChatLab,
  users: number,
): Promise<RoomServer & { stop(): Promise<void> }> {
  const dir = join(chat.lab.dir, 'prosody');
  await mkdir(dir, { recursive: true });
  const port = await freePort();
  await writeAccounts(
    dir,
    Array.from({ length: users }, (_, n) => `u${n}`),
  );
  const file = join(dir, 'prosody.cfg.lua');
  await writeFile(file, await configOf(chat, dir, port), { mode: 0o600 });
  const process = run('prosody', ['--config', file, '-F'], { cwd: dir });
  for (const until = performance.now() + START_MS; !(await answers(port)); ) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    if (process.child.exitCode === null && performance.now() < until) continue;
    await process.stop();
    const log = await readFile(join(dir, 'prosody.log'), 'utf8').catch(() => '');
    throw new Error(`prosody did not start:\n${process.output()}\n${log}`);
  }
  const { ca: caFile } = await chat.lab.sipTls(DOMAIN);
  const ca = await readFile(caFile, 'utf8');
  return {
    name: 'Prosody',
    cpu: () => cpuSeconds(process.child.pid as number),
    roomName: (room) => `room-${room}@${ROOMS}`,
    signIn: (user, onPost) =>
      signInByXmpp({ port, ca, domain: DOMAIN, user: `u${user}`, password: `pw-u${user}` }, onPost),
    async archived() {
      const text = `SELECT count(*)::int AS posts FROM prosodyarchive WHERE store = 'muc_log' AND "with" = 'message<groupchat'`;
      return Number((await chat.sql(text, [], PROSODY_DATABASE))[0]?.posts);
    },
    stop: () => process.stop(),
  };
}
