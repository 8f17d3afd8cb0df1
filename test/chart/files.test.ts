// Where files of rooms are kept: any pod has to find what another one was given.
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { persistentChatConfig } from '../../services/persistent-chat/src/config.ts';
import { complaints, find, KUBERNETES, type Manifest, refusal, render, renderText, set } from './helm.ts';

const files = (...values: string[]): string[] =>
  set(...values.map((value) => `persistentChat.files.${value}`));
const S3 = files('s3.endpoint=http://minio.lync.svc:9000', 's3.bucket=rooms', 's3.existingSecret=minio');

const config = (manifests: Manifest[]) =>
  parse(find(manifests, 'ConfigMap', 'uc-persistent-chat').data['config.yaml']);
const podOf = (manifests: Manifest[]): Manifest['spec'] =>
  find(manifests, 'StatefulSet', 'uc-persistent-chat').spec.template.spec;
const claimOf = (manifests: Manifest[]): string | undefined =>
  podOf(manifests).volumes.find(({ name }: { name: string }) => name === 'files')?.persistentVolumeClaim
    ?.claimName;
const claims = (manifests: Manifest[]): Manifest[] =>
  manifests.filter(({ kind }) => kind === 'PersistentVolumeClaim');
const folderOf = (manifests: Manifest[]): string =>
  podOf(manifests).containers[0].volumeMounts.find(({ name }: { name: string }) => name === 'files')
    ?.mountPath;

describe('a volume of the release', () => {
  const manifests = render(
    files('volume.storage=50Gi', 'volume.storageClassName=nfs', 'volume.accessMode=ReadWriteMany'),
  );

  it('is claimed as the values say, and outlives the release', () => {
    const [claim] = claims(manifests);
    expect(claim?.spec).toEqual({
      accessModes: ['ReadWriteMany'],
      storageClassName: 'nfs',
      resources: { requests: { storage: '50Gi' } },
    });
    expect(claim?.metadata.annotations).toEqual({ 'helm.sh/resource-policy': 'keep' });
    expect(claimOf(manifests)).toBe(claim?.metadata.name);
  });

  it('is where the pods keep files', () => {
    expect(config(manifests).files).toEqual({ directory: '/var/lib/linchpin-files' });
    expect(folderOf(manifests)).toBe('/var/lib/linchpin-files');
  });

  it('keeps the pods that have it on one node where only one can, and no pods of before', () => {
    expect(podOf(manifests).affinity).toBeUndefined();
    const together = podOf(render()).affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution;
    const label = { 'linchpin/files': 'uc-persistent-chat-files' };
    expect(together).toEqual([
      { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: label } },
    ]);
    const { selector, template } = find(render(), 'StatefulSet', 'uc-persistent-chat').spec;
    expect(template.metadata.labels).toMatchObject({ ...selector.matchLabels, ...label });
    expect(selector.matchLabels).not.toHaveProperty('linchpin/files');
    for (const { kind, spec } of [...render(S3), ...manifests])
      if (kind === 'StatefulSet') expect(spec.template.metadata.labels).not.toHaveProperty('linchpin/files');
  });

  it('lets a node be drained that has all pods: none of them could start elsewhere before the last is gone', () => {
    const budget = (all: Manifest[], role = 'persistent-chat') =>
      find(all, 'PodDisruptionBudget', `uc-${role}`).spec.maxUnavailable;
    expect(budget(render())).toBe('100%');
    expect(budget(render(), 'frontend')).toBe(1);
    expect(budget(manifests)).toBe(1);
    expect(budget(render(S3))).toBe(1);
  });

  it('leaves other rules of the values where the pods may run', () => {
    const key = 'persistentChat.affinity.nodeAffinity';
    const affinity = podOf(
      render(set(`${key}.preferredDuringSchedulingIgnoredDuringExecution[0].weight=7`)),
    ).affinity;
    expect(Object.keys(affinity).sort()).toEqual(['nodeAffinity', 'podAffinity']);
  });
});

describe('instead of it', () => {
  it('a claim of others is used', () => {
    const manifests = render(files('existingClaim=shared'));
    expect(claims(manifests)).toEqual([]);
    expect(claimOf(manifests)).toBe('shared');
    expect(folderOf(manifests)).toBe('/var/lib/linchpin-files');
    expect(podOf(manifests).affinity).toBeUndefined();
  });

  it('a bucket is used', () => {
    const manifests = render(S3);
    expect(claims(manifests)).toEqual([]);
    const { error, data } = persistentChatConfig.shape.files.safeParse(config(manifests).files);
    expect(error).toBeUndefined();
    expect(data?.s3).toMatchObject({
      bucket: 'rooms',
      region: 'us-east-1',
      credentialsFile: '/etc/linchpin/files/credentials',
    });
    expect(folderOf(manifests)).toBe('/etc/linchpin/files');
    const { egress } = find(manifests, 'NetworkPolicy', 'uc-persistent-chat').spec;
    expect(egress).toContainEqual({ ports: [{ port: 9000, protocol: 'TCP' }] });
    expect(complaints(renderText(S3), KUBERNETES[0])).toBe('');
  });

  it('the folder in which uploads are put together has room for all of them', () => {
    const data = podOf(render(S3)).volumes.find(({ name }: { name: string }) => name === 'data');
    const gibibytes = Number(/^(\d+)Gi$/.exec(data.emptyDir.sizeLimit)?.[1]);
    const { uploads } = persistentChatConfig.shape.files.parse(config(render(S3)).files);
    expect(gibibytes * 2 ** 30).toBeGreaterThan(uploads * 20_000_000);
    const less = podOf(render([...S3, ...set('persistentChat.dataSize=1Gi')])).volumes;
    expect(less).toContainEqual({ name: 'data', emptyDir: { sizeLimit: '1Gi' } });
  });
});

describe('a place of the configuration', () => {
  const own = (...values: string[]): string[] =>
    set(...values.map((value) => `persistentChat.config.files.${value}`));

  it.each([
    ['a folder', own('directory=/srv/rooms')],
    [
      'a bucket',
      own('s3.endpoint=https://s3.example.net', 's3.bucket=rooms', 's3.credentialsFile=/srv/credentials'),
    ],
  ])('%s is used instead of a volume, also with a claim', (_, args) => {
    for (const more of [[], files('existingClaim=shared')]) {
      const manifests = render([...args, ...more, ...set('persistentChat.replicas=3')]);
      expect(claims(manifests)).toEqual([]);
      expect(claimOf(manifests)).toBeUndefined();
      expect(folderOf(manifests)).toBeUndefined();
      expect(podOf(manifests).affinity).toBeUndefined();
    }
  });

  it('may be a folder of the volume', () => {
    const manifests = render(own('directory=/var/lib/linchpin-files/rooms'));
    expect(config(manifests).files).toEqual({ directory: '/var/lib/linchpin-files/rooms' });
    expect(claimOf(manifests)).toBe('uc-persistent-chat-files');
  });
});

describe('a volume of one node', () => {
  const pods = (count: number): string[] => set(`persistentChat.replicas=${count}`);
  const most = (count: number): string[] =>
    set('persistentChat.autoscaling.enabled=true', `persistentChat.autoscaling.maxReplicas=${count}`);

  it('has two pods at most', () => {
    for (const args of [pods(3), most(3)])
      expect(refusal(args)).toMatch(
        /persistentChat\.files: up to 3 pods .* s3, .*ReadWriteMany.*existingClaim/,
      );
    for (const args of [
      pods(2),
      most(2),
      [...pods(3), ...S3],
      [...pods(3), ...files('existingClaim=shared')],
    ])
      expect(refusal(args)).toBe('');
    expect(refusal([...pods(3), ...files('volume.accessMode=ReadWriteMany')])).toBe('');
  });

  const chat = { matchLabels: { 'app.kubernetes.io/component': 'persistent-chat' } };
  const database = { matchLabels: { app: 'postgresql' } };
  const hostname = { topologyKey: 'kubernetes.io/hostname' };
  const rule = (path: string, value: object): string[] => [
    '--set-json',
    `persistentChat.${path}=${JSON.stringify([value])}`,
  ];
  const ANTI = 'affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution';
  const NEAR = 'affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution';
  const SPREAD = 'topologySpreadConstraints';
  const spread = { ...hostname, maxSkew: 1, whenUnsatisfiable: 'DoNotSchedule' };

  it.each([
    ['affinity.podAntiAffinity', rule(ANTI, { ...hostname, labelSelector: chat })],
    ['topologySpreadConstraints', rule(SPREAD, { ...spread, labelSelector: chat })],
    ['affinity.podAffinity', rule(NEAR, { ...hostname, labelSelector: database })],
  ])('is refused beside %s', (path, args) => {
    expect(refusal(args)).toContain(`persistentChat.${path}: `);
    expect(refusal([...args, ...S3])).toBe('');
    expect(refusal([...args, ...pods(1)])).toBe('');
  });

  it.each([
    ['that mean others', rule(ANTI, { ...hostname, labelSelector: database })],
    [
      'that are wishes',
      rule(SPREAD, { ...spread, whenUnsatisfiable: 'ScheduleAnyway', labelSelector: chat }),
    ],
    ['that two pods keep', rule(SPREAD, { ...spread, maxSkew: 2, labelSelector: chat })],
  ])('takes rules %s', (_, args) => {
    expect(refusal(args)).toBe('');
  });
});

describe('a folder of each pod', () => {
  const none = files('volume.enabled=false');
  const complaint = 'persistentChat.files: what is kept at one pod could not be read at another';

  it('is refused where there are several', () => {
    expect(refusal(none)).toContain(complaint);
    const scaled = set('persistentChat.replicas=1', 'persistentChat.autoscaling.enabled=true');
    expect(refusal([...none, ...scaled])).toContain(complaint);
  });

  it('is taken where there is one pod, or a volume of another kind, or no Persistent Chat', () => {
    const manifests = render([...none, ...set('persistentChat.replicas=1')]);
    expect(config(manifests)).not.toHaveProperty('files');
    expect(claims(manifests)).toEqual([]);
    expect(refusal([...none, ...set('persistentChat.config.files.directory=/srv/rooms')])).toBe('');
    expect(refusal([...none, ...set('persistentChat.enabled=false')])).toBe('');
    expect(claims(render(set('persistentChat.enabled=false')))).toEqual([]);
  });

  it.each([
    ['/persistentChat/files/volume/accessMode', files('volume.accessMode=ReadOnlyMany')],
    ['/persistentChat/files/volume/storage', files('volume.storage=much')],
    ["/persistentChat/files/volume': additional properties 'size'", files('volume.size=1Gi')],
    ['persistentChat.files.s3: name the bucket', files('s3.endpoint=https://s3.example.net')],
  ])('%s is refused', (path, args) => {
    expect(refusal(args)).toContain(path);
  });
});
