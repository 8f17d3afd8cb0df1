import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { type Run, run } from './process.ts';

export interface LinphoneOptions {
  /** "bob@contoso.lab" */
  user: string;
  password: string;
  /** host:port of the server's TLS listener, as the certificate names the host. */
  server: string;
  caFile: string;
  /** Users whose presence it follows. */
  friends?: string[];
}

/** Debian's linphone-daemon 5.1, driven over its unix socket: one command a line, "Status: Ok" and lines back. */
export interface Linphone {
  command(line: string): Promise<string>;
  /** Repeats a query until its answer matches. */
  until(line: string, pattern: RegExp, milliseconds?: number): Promise<string>;
  /** What it wrote to its log: messages in full. */
  waitForLog(pattern: RegExp, milliseconds?: number): Promise<void>;
  log(): string;
  stop(): Promise<void>;
}

function configure(
  { user, password, server, caFile, friends = [] }: LinphoneOptions,
  folder: string,
): string {
  for (const part of ['.local/share/linphone', '.config/linphone'])
    mkdirSync(join(folder, part), { recursive: true });
  const [name, domain] = user.split('@');
  const path = join(folder, 'rc');
  const sections: [string, string[]][] = [
    // -1 asks for a random port; 0 would leave TLS without a listening point.
    [
      'sip',
      [
        'sip_port=-1',
        'sip_tcp_port=-1',
        'sip_tls_port=-1',
        'verify_server_certs=1',
        'verify_server_cn=1',
        `root_ca=${caFile}`,
        'default_proxy=0',
        'register_only_when_network_is_up=0',
      ],
    ],
    ['net', ['mtu=0']],
    [
      'proxy_0',
      [
        `reg_proxy=<sip:${server};transport=tls>`,
        `reg_route=<sip:${server};transport=tls;lr>`,
        `reg_identity=sip:${user}`,
        'reg_expires=300',
        'reg_sendregister=1',
        'publish=1',
      ],
    ],
    [
      'auth_info_0',
      [`username=${name}`, `userid=${name}`, `passwd=${password}`, `realm=${domain}`, `domain=${domain}`],
    ],
    ...friends.map((friend, index): [string, string[]] => [
      `friend_${index}`,
      [`url="${friend}" <sip:${friend}>`, 'pol=accept', 'subscribe=1'],
    ]),
  ];
  writeFileSync(path, sections.map(([title, lines]) => `[${title}]\n${lines.join('\n')}\n`).join('\n'));
  return path;
}

async function open(pipe: string, process: Run): Promise<Socket> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await new Promise<Socket>((resolve, reject) => {
        const socket = connect(`/tmp/${pipe}`, () => resolve(socket)).on('error', reject);
      });
    } catch {
      if (attempt >= 100) throw new Error(`linphone-daemon did not start:\n${process.output()}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

export async function startLinphone(options: LinphoneOptions): Promise<Linphone> {
  const folder = mkdtempSync(join(tmpdir(), 'linphone-'));
  const pipe = `${basename(folder)}.pipe`;
  const config = configure(options, folder);
  const daemon = run(
    'linphone-daemon',
    [
      '--pipe',
      pipe,
      '--config',
      config,
      '--log',
      join(folder, 'log'),
      '--auto-answer',
      '--disable-stats-events',
    ],
    { env: { ...process.env, HOME: folder }, cwd: folder },
  );
  const socket = await open(pipe, daemon);
  socket.on('error', () => {});
  let received = '';
  let quiet: NodeJS.Timeout | undefined;
  let onQuiet: (() => void) | undefined;
  socket.on('data', (chunk) => {
    received += chunk.toString('utf8');
    clearTimeout(quiet);
    quiet = setTimeout(() => onQuiet?.(), 150);
  });

  /** An answer has no end mark: it is over when nothing more comes for a moment. */
  function command(line: string): Promise<string> {
    received = '';
    return new Promise((resolve) => {
      const late = setTimeout(() => onQuiet?.(), 3000);
      onQuiet = () => {
        clearTimeout(late);
        onQuiet = undefined;
        resolve(received);
      };
      socket.write(`${line}\n`);
    });
  }

  const log = (): string => {
    try {
      return readFileSync(join(folder, 'log'), 'utf8');
    } catch {
      return '';
    }
  };

  async function poll(
    look: () => Promise<string | undefined>,
    what: string,
    milliseconds: number,
  ): Promise<string> {
    const end = Date.now() + milliseconds;
    for (;;) {
      const found = await look();
      if (found !== undefined) return found;
      if (Date.now() > end)
        throw new Error(`linphone: no ${what} in ${milliseconds} ms:\n${log().slice(-4000)}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  return {
    command,
    log,
    until: (line, pattern, milliseconds = 20_000) =>
      poll(
        async () => {
          const answer = await command(line);
          return pattern.test(answer) ? answer : undefined;
        },
        `${pattern} from "${line}"`,
        milliseconds,
      ),
    async waitForLog(pattern, milliseconds = 20_000) {
      await poll(
        async () => (pattern.test(log()) ? 'yes' : undefined),
        `${pattern} in the log`,
        milliseconds,
      );
    },
    async stop() {
      socket.destroy();
      await daemon.stop('SIGTERM', 4000);
      rmSync(folder, { recursive: true, force: true });
      rmSync(`/tmp/${pipe}`, { force: true });
    },
  };
}
