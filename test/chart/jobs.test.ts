// What the jobs of a release are told, and how long they and the pods may take for it.
import { describe, expect, it } from 'vitest';
import { wanted } from '../../cli/src/kubernetes/credentials.ts';
import { release } from '../../cli/src/kubernetes/publish.ts';
import { find, type Manifest, refusal, render, set } from './helm.ts';

const deadline = (manifests: Manifest[], job: string): number =>
  find(manifests, 'Job', `uc-${job}`).spec.activeDeadlineSeconds;
/** Seconds that a pod may take to start before it is ended. */
const patience = (manifests: Manifest[], role: string): number => {
  const { startupProbe } = find(manifests, 'StatefulSet', `uc-${role}`).spec.template.spec.containers[0];
  return startupProbe.periodSeconds * startupProbe.failureThreshold;
};
const WITH_TABLES = ['cms', 'frontend', 'persistent-chat'];
/** A Front End serves without: its tables are a backup. */
const NEED_TABLES = ['cms', 'persistent-chat'];

describe('migrations', () => {
  it.each([
    ['have an hour', [], 3600],
    ['have as long as the values say', set('migrationDeadlineSeconds=20000'), 20_000],
  ])('%s, as a job and in a pod that starts', (_, args, seconds) => {
    const manifests = render(args);
    for (const role of WITH_TABLES) expect(deadline(manifests, `migrate-${role}`)).toBe(seconds);
    for (const role of NEED_TABLES) expect(patience(manifests, role)).toBe(seconds);
    for (const role of ['director', 'edge', 'frontend']) expect(patience(manifests, role)).toBe(120);
  });

  const publishing = (manifests: Manifest[]): { waits: number; ends: number } => ({
    waits: release.parse(JSON.parse(find(manifests, 'ConfigMap', 'uc-publish').data['release.json']))
      .patienceSeconds,
    ends: deadline(manifests, 'publish'),
  });

  it('are waited for by the job that publishes where no other job does them', () => {
    const manifests = render(set('migrationDeadlineSeconds=600', 'migrateBeforeUpgrade=false'));
    expect(publishing(manifests)).toEqual({ waits: 555, ends: 600 });
    expect(deadline(manifests, 'credentials')).toBe(300);
    expect(patience(manifests, 'cms')).toBe(600);
    expect(publishing(render(set('migrationDeadlineSeconds=60', 'migrateBeforeUpgrade=false')))).toEqual({
      waits: 240,
      ends: 285,
    });
  });

  it('are not waited for otherwise: what CMS lacks is said before the five minutes of Helm are over', () => {
    expect(publishing(render())).toEqual({ waits: 240, ends: 285 });
    expect(publishing(render(set('migrationDeadlineSeconds=20000')))).toEqual({ waits: 240, ends: 285 });
  });

  it('never leave a pod less time to start than it had', () => {
    expect(patience(render(set('migrationDeadlineSeconds=60')), 'cms')).toBe(120);
    expect(refusal(set('migrationDeadlineSeconds=5'))).toContain('/migrationDeadlineSeconds');
  });
});

describe('people for trials', () => {
  const people = (...names: string[]): string[] => [
    ...set('sampleUsers.enabled=true'),
    '--set-json',
    `sampleUsers.users=${JSON.stringify(names.map((name) => ({ name, displayName: name })))}`,
  ];

  it('get a password when they come later; other Secrets stay as they were made', () => {
    const file = find(render(people('alice', 'dora')), 'ConfigMap', 'uc-credentials').data[
      'credentials.json'
    ];
    const { generated } = wanted.parse(JSON.parse(file));
    expect(generated.filter(({ grows }) => grows)).toEqual([
      { secret: 'uc-sample-users', keys: { alice: 'password', dora: 'password' }, grows: true },
    ]);
    expect(generated.map(({ secret }) => secret)).toContain('uc-postgresql');
  });
});
