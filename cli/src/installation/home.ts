import { join, resolve } from 'node:path';

/** The repository, three folders above this file. */
export const REPOSITORY = resolve(import.meta.dirname, '..', '..', '..');

/** Where everything of one installation is kept. */
export interface Home {
  readonly dir: string;
  readonly settings: string;
  readonly pki: string;
  readonly postgres: string;
  readonly postgresPassword: string;
  readonly nats: string;
  readonly logs: string;
  readonly run: string;
  readonly lock: string;
  readonly runState: string;
  readonly sampleUsers: string;
  /** Ready-made configurations of a SIP client for sample users. */
  readonly clients: string;
  /** Programs that were downloaded for this installation. */
  readonly bin: string;
  readonly caFile: string;
  roleDir(role: string): string;
  certificate(name: string): { cert: string; key: string };
}

/** `--home`, else LINCHPIN_HOME, else `.linchpin` in the repository. */
export function openHome(option: string | undefined): Home {
  const dir = resolve(option ?? process.env.LINCHPIN_HOME ?? join(REPOSITORY, '.linchpin'));
  const inside = (...parts: string[]) => join(dir, ...parts);
  return {
    dir,
    settings: inside('linchpin.json'),
    pki: inside('pki'),
    postgres: inside('postgres'),
    postgresPassword: inside('pki', 'postgres.password'),
    nats: inside('nats'),
    logs: inside('logs'),
    run: inside('run'),
    lock: inside('run', 'lock'),
    runState: inside('run', 'supervisor.json'),
    sampleUsers: inside('sample-users.txt'),
    clients: inside('clients'),
    bin: inside('bin'),
    caFile: inside('pki', 'ca.pem'),
    roleDir: (role) => inside('roles', role),
    certificate: (name) => ({ cert: inside('pki', `${name}.pem`), key: inside('pki', `${name}.key`) }),
  };
}
