import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { CliError, EXIT } from '../cli-error.ts';
import { type Home, openHome } from '../installation/home.ts';
import { hostPort, layoutOf, roleOf } from '../installation/layout.ts';
import { requireSettings, type Settings } from '../installation/settings.ts';
import { isHostPort } from './address.ts';

/** PEM files: the private CA, and a certificate of it for role `admin` or, inside its own pod, `cms`. */
export interface TlsPaths {
  ca: string;
  cert: string;
  key: string;
}

/** The system that a command manages: through its CMS, which reaches everybody else. */
export interface Site {
  /** host:port of CMS. */
  cms: string;
  tls: TlsPaths;
  /** For users that are named without one; undefined: the first one of the topology. */
  domain: string | undefined;
  /** What to do when CMS does not answer. */
  hint: string;
}

export interface SiteOptions {
  home?: string;
  cms?: string;
  tlsDir?: string;
}

/** The options, else LINCHPIN_CMS and LINCHPIN_TLS_DIR, else what the home folder says. */
export async function openSite(
  { home, cms, tlsDir }: SiteOptions,
  env: NodeJS.ProcessEnv = process.env,
): Promise<Site> {
  const dir = tlsDir ?? (home === undefined ? env.LINCHPIN_TLS_DIR : undefined);
  if (dir) return remoteSite(cms ?? env.LINCHPIN_CMS, resolve(dir));
  const opened = openHome(home);
  return installationSite(opened, await requireSettings(opened), cms);
}

/** LINCHPIN_CMS says where CMS is when a home folder holds only the certificate. */
export function installationSite(home: Home, settings: Settings, cms = process.env.LINCHPIN_CMS): Site {
  const { cert, key } = home.certificate('admin');
  return {
    cms: cms ? checked(cms) : hostPort(roleOf(layoutOf(settings), 'cms').rpc),
    tls: { ca: home.caFile, cert, key },
    domain: settings.domain,
    hint: cms ? 'Is this the address of CMS?' : 'Is the installation running? linchpin status',
  };
}

async function remoteSite(cms: string | undefined, dir: string): Promise<Site> {
  if (!cms)
    throw new CliError(
      '--tls-dir needs the address of CMS: --cms host:port, or the environment LINCHPIN_CMS.',
      EXIT.usage,
    );
  const hint = 'Is this the address of CMS, and is the certificate one of its CA?';
  return { cms: checked(cms), tls: await findPem(dir), domain: undefined, hint };
}

function checked(cms: string): string {
  if (isHostPort(cms)) return cms;
  throw new CliError(`--cms ${cms}: must be host:port, such as cms.contoso.lab:7010.`, EXIT.usage);
}

/** Our names, and those in a Secret of type kubernetes.io/tls. */
const NAMES: Record<keyof TlsPaths, string[]> = {
  ca: ['ca.pem', 'ca.crt'],
  cert: ['cert.pem', 'tls.crt'],
  key: ['key.pem', 'tls.key'],
};

async function findPem(dir: string): Promise<TlsPaths> {
  const present = await readdir(dir).catch((cause: Error) => {
    throw new CliError(`Cannot read the folder with the certificate: ${cause.message}`, EXIT.usage, {
      cause,
    });
  });
  const find = (what: keyof TlsPaths): string => {
    const name = NAMES[what].find((candidate) => present.includes(candidate));
    if (name !== undefined) return join(dir, name);
    throw new CliError(`${dir} has no ${NAMES[what].join(' or ')}.`, EXIT.usage);
  };
  return { ca: find('ca'), cert: find('cert'), key: find('key') };
}
