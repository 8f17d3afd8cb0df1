import type { Kube } from '../kube.ts';
import type { Lab } from '../lab.ts';
import { assert, type Row } from '../scenario.ts';
import { TRIAL, trialValues, withTrial } from '../trial.ts';

interface Mistake {
  what: string;
  set: string[];
  /** Helm itself refuses, or a job that comes before any pod is replaced, or what was made says what it waits for. */
  told: 'by helm' | 'by a job' | 'by an event' | 'by a pod';
  pattern: RegExp;
}

const MISTAKES: Mistake[] = [
  {
    what: 'a value of the wrong type',
    set: ['frontend.replicas=many'],
    told: 'by helm',
    pattern: /frontend.replicas.*integer/s,
  },
  {
    what: 'a value that does not exist',
    set: ['frontend.replica=3'],
    told: 'by helm',
    pattern: /frontend.*replica/s,
  },
  {
    what: 'no database named',
    set: ['postgresql.dev.enabled=false'],
    told: 'by helm',
    pattern: /postgresql\.external\.host: name the PostgreSQL/,
  },
  {
    what: 'a Secret that is missing',
    set: ['sipTls.existingSecret=bought-certificate'],
    told: 'by an event',
    pattern: /secret "bought-certificate" not found/,
  },
  {
    what: 'an image that does not exist',
    set: ['director.image.tag=no-such-tag'],
    told: 'by an event',
    pattern: /Failed to pull image "?linchpin\/director:no-such-tag/,
  },
  {
    what: 'a key of the Front End that does not exist',
    set: ['frontend.config.limits.conections=5'],
    told: 'by a job',
    pattern: /limits: unknown key.*|limits\.conections: unknown key/,
  },
  {
    what: 'a key of Edge that does not exist',
    set: ['edge.config.conections=5'],
    told: 'by a pod',
    pattern: /config\.yaml:\s+conections: unknown key/,
  },
];

/** Each in a namespace of its own, where nobody is disturbed; one more upgrade puts all of it right. */
export async function run(lab: Lab, note: (row: Row) => void): Promise<void> {
  await withTrial(async (kube) => {
    note(await databaseComesLate(lab, kube));
    for (const mistake of MISTAKES) note(await make(lab, kube, mistake));
    note(await putRight(lab, kube));
  });
}

async function make(lab: Lab, kube: Kube, { what, set, told, pattern }: Mistake): Promise<Row> {
  const begun = performance.now();
  const values = [...trialValues, ...set];
  const refused = await lab.upgrade({ namespace: TRIAL, set: values, wait: false }).then(
    () => '',
    (error: Error) => error.message,
  );
  if (told === 'by helm') {
    const said = refused.slice(refused.indexOf('\n') + 1);
    return { step: what, ok: pattern.test(said), measured: `helm: ${lastLine(said)}` };
  }
  if (told === 'by a job') {
    const job = /job (linchpin-\S+) failed/.exec(refused)?.[1] ?? 'none';
    const log = await kube.run('logs', `job/${job}`).catch((error: Error) => error.message);
    return {
      step: what,
      ok: pattern.test(log),
      measured: `nothing replaced; log of job ${job}: ${lastLine(log)}`,
    };
  }
  assert(refused === '', refused);
  const look = told === 'by an event' ? events : complaints;
  const line = await kube.until(what, () => look(kube, pattern), 60_000).catch((error: Error) => error);
  const seconds = ((performance.now() - begun) / 1000).toFixed(0);
  if (line instanceof Error) return { step: what, ok: false, measured: `nothing said so: ${line.message}` };
  return { step: what, ok: true, measured: `after ${seconds} s, ${told}: ${line}` };
}

const lastLine = (text: string): string => text.trim().split('\n').at(-1)?.trim() ?? '';

/** What `kubectl describe pod` ends with. */
async function events(kube: Kube, pattern: RegExp): Promise<string | undefined> {
  const { items } = await kube.json<{ items: { message: string }[] }>('get', 'events');
  return items.map(({ message }) => message).find((message) => pattern.test(message));
}

async function complaints(kube: Kube, pattern: RegExp): Promise<string | undefined> {
  return pattern.exec(await kube.complaints())?.[0].replaceAll(/\s+/g, ' ');
}

const NO_DATABASE = 'postgresql.dev.image=linchpin/dev-postgres:not-there-yet';

/** Roles wait for it, say so, are not restarted, and go on by themselves when it is there. */
async function databaseComesLate(lab: Lab, kube: Kube): Promise<Row> {
  // Helm waits for the job that publishes, which waits for CMS.
  const installing = lab.upgrade({ namespace: TRIAL, set: [...trialValues, NO_DATABASE], wait: false });
  const said = await kube.until('CMS says what it waits for', async () => {
    const log = await kube.run('logs', 'linchpin-cms-0', '--tail=20').catch(() => '');
    return /"(?:msg|why)":"([^"]*PostgreSQL[^"]*)"/.exec(log)?.[1];
  });
  const begun = performance.now();
  await kube.run('set', 'image', 'statefulset/linchpin-postgresql', 'postgresql=linchpin/dev-postgres:dev');
  await kube.run('delete', 'pod', 'linchpin-postgresql-0', '--wait=false');
  await installing;
  await kube.until('all are ready', async () => (await kube.unready()) === '', 180_000);
  const [cms] = await kube.pods('cms');
  const restarts = cms?.status.containerStatuses?.[0]?.restartCount ?? 0;
  const seconds = ((performance.now() - begun) / 1000).toFixed(0);
  return {
    step: 'a database that is not there yet',
    ok: restarts === 0,
    measured: `"${said}"; all ready ${seconds} s after the database was given, ${restarts} restarts`,
  };
}

async function putRight(lab: Lab, kube: Kube): Promise<Row> {
  const begun = performance.now();
  await lab.upgrade({ namespace: TRIAL, set: trialValues });
  const left = await kube.unready();
  const seconds = ((performance.now() - begun) / 1000).toFixed(0);
  const step = 'an upgrade with the right values';
  return { step, ok: left === '', measured: left || `all ready after ${seconds} s` };
}
