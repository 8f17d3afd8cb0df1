import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '@linchpin/backends';
import { run } from './process.ts';
import { writeTone } from './sound.ts';

export interface BaresipOptions {
  /** "alice@contoso.lab" */
  user: string;
  password: string;
  /** host:port of the server's TLS listener, as the certificate names the host. */
  server: string;
  caFile: string;
  nameServerPort: number;
  /** Users whose presence it follows. */
  contacts?: string[];
  hertz?: number;
}

/** Debian's baresip 1.0.0, driven over its control socket (netstrings of JSON). */
export interface Baresip {
  /** Sends a command, resolves with its answer's text; rejects when baresip says it failed. */
  command(name: string, params?: string): Promise<string>;
  /** Resolves with the next or an earlier event of that type. */
  event(type: string, milliseconds?: number): Promise<Record<string, unknown>>;
  waitForOutput(pattern: RegExp, milliseconds?: number): Promise<RegExpExecArray>;
  output(): string;
  /** What it heard: the newest finished recording. */
  recording(): string | undefined;
  stop(): Promise<void>;
}

// Of stdio it prints the messages that come.
const modules = ['stdio', 'g711', 'aufile', 'aubridge', 'sndfile', 'ctrl_tcp'];

async function configure(options: BaresipOptions, folder: string, controlPort: number): Promise<void> {
  const { user, password, server, caFile, nameServerPort, contacts = [], hertz = 440 } = options;
  writeTone(join(folder, 'tone.wav'), hertz, 60);
  writeFileSync(
    join(folder, 'config'),
    [
      `sip_listen 127.0.0.1:${await freePort()}`,
      `sip_cafile ${caFile}`,
      'sip_verify_server yes',
      'net_interface 127.0.0.1',
      `dns_server 127.0.0.1:${nameServerPort}`,
      `audio_source aufile,${join(folder, 'tone.wav')}`,
      'audio_player aubridge,null',
      `snd_path ${folder}`,
      'module_path /usr/lib/baresip/modules',
      ...modules.map((name) => `module ${name}.so`),
      'module_tmp uuid.so',
      'module_tmp account.so',
      ...['contact', 'menu', 'presence', 'debug_cmd'].map((name) => `module_app ${name}.so`),
      `ctrl_tcp_listen 127.0.0.1:${controlPort}`,
      '',
    ].join('\n'),
  );
  const [name] = user.split('@');
  writeFileSync(
    join(folder, 'accounts'),
    `<sip:${user};transport=tls>;auth_user=${name};auth_pass=${password};outbound="sip:${server};transport=tls";regint=300;pubint=300\n`,
  );
  writeFileSync(
    join(folder, 'contacts'),
    contacts.map((contact) => `"${contact}" <sip:${contact}>;presence=p2p\n`).join(''),
  );
}

/** Splits netstrings ("12:hello world!,") off a stream. */
function netstrings(onText: (text: string) => void): (chunk: Buffer) => void {
  let buffer = Buffer.alloc(0);
  return (chunk) => {
    buffer = Buffer.concat([buffer, chunk]);
    for (;;) {
      const colon = buffer.indexOf(':');
      const length = Number(buffer.subarray(0, colon).toString());
      if (colon < 0 || buffer.length < colon + length + 2) return;
      onText(buffer.subarray(colon + 1, colon + 1 + length).toString('utf8'));
      buffer = buffer.subarray(colon + length + 2);
    }
  };
}

async function control(port: number): Promise<Socket> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await new Promise<Socket>((resolve, reject) => {
        const socket = connect(port, '127.0.0.1', () => resolve(socket)).on('error', reject);
      });
    } catch (error) {
      if (attempt >= 50) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

export async function startBaresip(options: BaresipOptions): Promise<Baresip> {
  const folder = mkdtempSync(join(tmpdir(), 'baresip-'));
  const controlPort = await freePort();
  await configure(options, folder, controlPort);
  const process = run('baresip', ['-f', folder, '-v'], {
    env: { ...globalThis.process.env, HOME: folder },
    cwd: folder,
    // It listens for keys, and takes the end of the file for one.
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const socket = await control(controlPort);

  const events: Record<string, unknown>[] = [];
  const answers = new Map<string, (message: Record<string, unknown>) => void>();
  const watchers = new Set<() => void>();
  socket.on('error', () => {});
  socket.on(
    'data',
    netstrings((text) => {
      const message = JSON.parse(text) as Record<string, unknown>;
      if (message.event === true) events.push(message);
      else answers.get(String(message.token))?.(message);
      for (const watcher of [...watchers]) watcher();
    }),
  );

  let count = 0;
  function command(name: string, params = ''): Promise<string> {
    const token = String(++count);
    const text = JSON.stringify({ command: name, params, token });
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`baresip did not answer ${name}`)), 10_000);
      answers.set(token, (message) => {
        clearTimeout(timer);
        if (message.ok === true) resolve(String(message.data));
        else reject(new Error(`baresip: ${name} ${params} failed: ${message.data}`));
      });
      socket.write(`${Buffer.byteLength(text)}:${text},`);
    });
  }

  function event(type: string, milliseconds = 20_000): Promise<Record<string, unknown>> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        watchers.delete(look);
        reject(new Error(`no ${type} from baresip; events: ${JSON.stringify(events)}\n${process.output()}`));
      }, milliseconds);
      const look = (): void => {
        const found = events.find((entry) => entry.type === type);
        if (found === undefined) return;
        clearTimeout(timer);
        watchers.delete(look);
        resolve(found);
      };
      watchers.add(look);
      look();
    });
  }

  return {
    command,
    event,
    waitForOutput: process.waitFor,
    output: process.output,
    recording: () => {
      const file = readdirSync(folder)
        .filter((name) => name.endsWith('-dec.wav'))
        .sort()
        .at(-1);
      return file === undefined ? undefined : join(folder, file);
    },
    async stop() {
      socket.destroy();
      await process.stop('SIGTERM', 4000);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
