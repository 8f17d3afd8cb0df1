// `node test/clients/main.ts --edge host:port --users u0-u199@contoso.lab --password pw-{name} --ca ca.pem`
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { isClean, reportText } from './report-text.ts';
import { startSteadyLoad } from './steady-load.ts';
import { parseWay } from './way.ts';

const usage = `Steady load from clients that behave, against any address.

  --edge host:port              over TLS from outside; may be given several times
  --inside [tls:|tcp:|udp:]host:port   may be given several times; users take all ways in turn
  --users u0-u199@contoso.lab   a range, or names with commas between them; @file reads one a line
  --password pw-{name}          {name} is what stands before the @
  --ca ca.pem                   of the servers' certificates
  --server-name sip.contoso.lab whom the certificate is for, where that is not the host
  --sign-ins 1 --messages 10 --presence 1   each second, over all users
  --contacts 2                  that each user watches
  --give-up 10                  seconds after which a user sees a failure
  --expires 600                 seconds of a registration
  --seconds 60                  0: until SIGINT or SIGTERM
  --progress 10                 seconds between reports on the way
  -o text|json

Ends with 1 when something failed, was lost or doubled, with 2 for wrong arguments.`;

const list = { type: 'string', multiple: true, default: [] as string[] } as const;
const text = (value: string) => ({ type: 'string', default: value }) as const;

function read() {
  const { values } = parseArgs({
    options: {
      edge: list,
      inside: list,
      users: text(''),
      password: text('pw-{name}'),
      ca: { type: 'string' },
      'server-name': { type: 'string' },
      'sign-ins': text('1'),
      messages: text('10'),
      presence: text('1'),
      contacts: text('2'),
      'give-up': text('10'),
      expires: text('600'),
      seconds: text('60'),
      progress: text('0'),
      output: { type: 'string', short: 'o', default: 'text' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  return values;
}

/** `u0-u9@contoso.lab`, `a@x,b@x`, `@file`. */
function usersOf(given: string): string[] {
  if (given.startsWith('@')) return readFileSync(given.slice(1), 'utf8').split('\n').filter(Boolean);
  return given.split(',').flatMap((part) => {
    const range = /^(.*?)(\d+)-\1(\d+)@(.+)$/.exec(part);
    if (range === null) return [part];
    const [, name = '', from, to, domain = ''] = range;
    const length = Number(to) - Number(from) + 1;
    return Array.from({ length }, (_, index) => `${name}${Number(from) + index}@${domain}`);
  });
}

function fail(message: string): never {
  console.error(`${message}\n\n${usage}`);
  process.exit(2);
}

function begin() {
  try {
    const options = read();
    if (options.help) {
      console.log(usage);
      process.exit(0);
    }
    const tls = {
      ...(options.ca && { caFile: options.ca }),
      ...(options['server-name'] && { serverName: options['server-name'] }),
    };
    const ways = [...options.edge, ...options.inside].map((way) => parseWay(way, tls));
    const users = usersOf(options.users).filter(Boolean);
    if (ways.length === 0) throw new Error('give --edge or --inside');
    if (users.some((user) => !user.includes('@')) || users.length === 0)
      throw new Error('give --users as name@domain');
    return { options, ways, users };
  } catch (error) {
    return fail((error as Error).message);
  }
}

const { options, ways, users } = begin();
const load = await startSteadyLoad({
  ways,
  users,
  password: (user) => options.password.replaceAll('{name}', user.split('@')[0] ?? ''),
  rates: {
    signIns: Number(options['sign-ins']),
    messages: Number(options.messages),
    presence: Number(options.presence),
  },
  contacts: Number(options.contacts),
  expires: Number(options.expires),
  patience: { giveUp: Number(options['give-up']) * 1000 },
});
console.error(
  `${load.clients.filter(({ signedIn }) => signedIn).length} of ${users.length} users are signed in`,
);

const show = (): void =>
  console.log(options.output === 'json' ? JSON.stringify(load.report()) : `\n${reportText(load.report())}`);
const every = Number(options.progress) * 1000;
const progress = every > 0 ? setInterval(show, every) : undefined;

await new Promise<void>((resolve) => {
  process.once('SIGINT', () => resolve());
  process.once('SIGTERM', () => resolve());
  if (Number(options.seconds) > 0) setTimeout(resolve, Number(options.seconds) * 1000);
});
clearInterval(progress);
const report = await load.stop();
console.log(options.output === 'json' ? JSON.stringify(report) : reportText(report));
process.exit(isClean(report) ? 0 : 1);
