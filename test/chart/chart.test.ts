// charts/linchpin without a cluster: real helm renders it, kubeconform reads it against the schemas of Kubernetes.
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { cmsConfig } from '../../services/cms/src/config.ts';
import { directorConfig } from '../../services/director/src/config.ts';
import { edgeConfig } from '../../services/edge/src/config.ts';
import { frontendConfig } from '../../services/frontend/src/config.ts';
import { persistentChatConfig } from '../../services/persistent-chat/src/config.ts';
import {
  chart,
  complaints,
  find,
  KUBERNETES,
  lint,
  type Manifest,
  refusal,
  render,
  renderText,
  set,
} from './helm.ts';

/** What the process itself fills in. */
// biome-ignore lint/suspicious/noTemplateCurlyInString: it stands so in the file
const POD_NAME = '${POD_NAME}';
const VALUES: [name: string, args: string[]][] = [
  ['default', []],
  ['kind', ['--values', join(chart, 'values-kind.yaml')]],
  ['production', ['--values', join(chart, 'values-production.yaml')]],
];

describe.each(VALUES)('%s values', (_, args) => {
  it('pass helm lint', () => {
    expect(lint(args)).toContain('0 chart(s) failed');
  });

  it.each(KUBERNETES)('give manifests that Kubernetes %s knows', (version) => {
    expect(complaints(renderText(args, version), version)).toBe('');
  });

  it('give each role a configuration that it takes', () => {
    const schemas = {
      cms: cmsConfig,
      director: directorConfig,
      edge: edgeConfig,
      frontend: frontendConfig,
      'persistent-chat': persistentChatConfig,
    };
    const manifests = render(args);
    for (const [role, schema] of Object.entries(schemas)) {
      const config = find(manifests, 'ConfigMap', `uc-${role}`).data['config.yaml'];
      expect(schema.safeParse(parse(config.replaceAll(POD_NAME, `uc-${role}-0`))).error).toBeUndefined();
    }
  });

  it('keep to the restricted pod security standard', () => {
    for (const pod of podsOf(render(args))) {
      expect(pod.automountServiceAccountToken ?? false).toBe(
        pod.serviceAccountName?.endsWith('credentials') ?? false,
      );
      expect(pod.securityContext).toMatchObject({
        runAsNonRoot: true,
        runAsUser: 10001,
        seccompProfile: { type: 'RuntimeDefault' },
      });
      for (const container of pod.containers)
        expect(container.securityContext).toEqual({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        });
    }
  });
});

describe('values that are wrong are refused by their path', () => {
  it.each([
    ['/frontend/replicas', ['--set-string', 'frontend.replicas=three']],
    ["/frontend': additional properties 'replica'", set('frontend.replica=3')],
    ["/tls': additional properties 'modus'", set('tls.modus=existing')],
    ['/tls/mode', set('tls.mode=manual')],
    ['/domain', set('domain=Contoso_Lab')],
    ['domain: set the SIP domain', set('domain=')],
    ['tls.existing.', set('tls.mode=existing')],
    ['sipTls.existingSecret', existingBut('sipTls.existingSecret')],
    ['tls.existing.frontend: name the Secret', existingBut('tls.existing.frontend')],
    ['tls.existing.persistentChat: name the Secret', existingBut('tls.existing.persistentChat')],
    ['postgresql.external.host', set('postgresql.dev.enabled=false')],
    ['postgresql.existingSecret', set('postgresql.dev.enabled=false', 'postgresql.external.host=db')],
    [
      'persistentChat.files.s3: name the bucket',
      set('persistentChat.files.s3.endpoint=https://s3.example.net'),
    ],
    ['nats.external.servers', set('nats.dev.enabled=false')],
    ['/nats/dev/replicas', set('nats.dev.replicas=2')],
    ['/edge/service/type', set('edge.service.type=Nodeport')],
    [
      "/frontend/service/nodePorts': additional properties 'sip'",
      set('frontend.service.nodePorts.sip=30060'),
    ],
    ['/edge/advertise/signalling', set('edge.advertise.signalling=no-port')],
    ['/director/resources/limits/memory', set('director.resources.limits.memory=lots')],
    [
      'frontend.autoscaling.minReplicas',
      set('frontend.autoscaling.enabled=true', 'frontend.autoscaling.minReplicas=9'),
    ],
  ])('%s', (path, args) => {
    expect(refusal(args)).toContain(path);
  });
});

/** tls.mode existing with every Secret but this one. */
function existingBut(path: string): string[] {
  const identities = ['cms', 'director', 'edge', 'frontend', 'persistentChat', 'admin', 'nats', 'postgresql'];
  const all = [
    ...identities.map((name) => `tls.existing.${name}=${name.toLowerCase()}`),
    'sipTls.existingSecret=sip',
  ];
  return set('tls.mode=existing', ...all.filter((value) => !value.startsWith(`${path}=`)));
}

describe('the pods of a role', () => {
  const manifests = render(set('frontend.drainSeconds=90', 'frontend.preStopSeconds=7'));
  const frontend = find(manifests, 'StatefulSet', 'uc-frontend').spec;

  it('have the time that a drain takes', () => {
    const { containers, terminationGracePeriodSeconds } = frontend.template.spec;
    expect(terminationGracePeriodSeconds).toBeGreaterThanOrEqual(7 + 90 + 10);
    expect(containers[0].lifecycle.preStop).toEqual({ sleep: { seconds: 7 } });
  });

  it('are reached by a name that the headless Service gives them', () => {
    const config = parse(find(manifests, 'ConfigMap', 'uc-frontend').data['config.yaml']);
    expect(config.advertise).toBe(`${POD_NAME}.uc-frontend-pods.lync.svc:7040`);
    expect(frontend.serviceName).toBe('uc-frontend-pods');
    expect(find(manifests, 'Service', 'uc-frontend-pods').spec).toMatchObject({
      clusterIP: 'None',
      publishNotReadyAddresses: true,
    });
  });

  it('take configuration from the values, and lose what is null there', () => {
    const config = (args: string[]) => parse(find(render(args), 'ConfigMap', 'uc-edge').data['config.yaml']);
    expect(config(set('edge.config.newConnections.perSecond=5')).newConnections).toEqual({ perSecond: 5 });
    expect(config(set('edge.config.log.level=debug', 'edge.config.pool=null'))).not.toHaveProperty('pool');
  });

  it('begin anew when their configuration changes, and only then', () => {
    const mark = (args: string[]) =>
      find(render(args), 'StatefulSet', 'uc-edge').spec.template.metadata.annotations['linchpin/config'];
    expect(mark(set('frontend.replicas=5'))).toBe(mark([]));
    expect(mark(set('edge.config.log.level=debug'))).not.toBe(mark([]));
  });
});

describe('Persistent Chat', () => {
  const config = (manifests: Manifest[]) =>
    parse(find(manifests, 'ConfigMap', 'uc-persistent-chat').data['config.yaml']);

  it('has two databases, and a certificate that names its Service', () => {
    const manifests = render();
    const { postgres, compliance, web } = config(manifests);
    expect([postgres.database, compliance.postgres.database]).toEqual(['linchpin_mgc', 'linchpin_mgccomp']);
    expect(web.tls.cert).toBe('/etc/linchpin/sip/tls.crt');
    const { certificates } = JSON.parse(
      find(manifests, 'ConfigMap', 'uc-credentials').data['credentials.json'],
    );
    const [sip] = certificates.filter(({ name }: { name: string }) => name === 'sip');
    expect(sip.dns).toContain('uc-persistent-chat.lync.svc');
    expect(
      find(manifests, 'Job', 'uc-migrate-persistent-chat').spec.template.spec.containers[0].args,
    ).toEqual(['/app', '--config', '/etc/linchpin/job/config.yaml', '--migrate']);
  });

  it('keeps its compliance store on another server where the values say so', () => {
    const { compliance, postgres } = config(
      render(set('persistentChat.config.compliance.postgres.host=archive.example.net')),
    );
    expect(compliance.postgres).toEqual({
      ...postgres,
      host: 'archive.example.net',
      database: 'linchpin_mgccomp',
    });
  });

  it('leaves nothing behind where it is switched off', () => {
    const off = set('persistentChat.enabled=false');
    const names = render(off).map(({ kind, metadata }) => `${kind} ${metadata.name}`);
    expect(names.filter((name) => name.includes('persistent-chat'))).toEqual([]);
    const text = renderText(off);
    expect(text).not.toContain('mgc');
    expect(JSON.parse(find(render(off), 'ConfigMap', 'uc-publish').data['release.json']).pools).toHaveLength(
      4,
    );
  });

  it('has names short enough for the label of its revisions', () => {
    const long = set(`fullnameOverride=${'a'.repeat(60)}`);
    for (const { kind, metadata } of render(long))
      if (kind === 'StatefulSet') expect(metadata.name.length).toBeLessThanOrEqual(52);
  });
});

describe('Secrets', () => {
  it('are made by no job where all are given', () => {
    const given = [
      ...existingBut('nothing'),
      ...set(
        'signingKey.existingSecret=key',
        'persistentChat.signingKey.existingSecret=key',
        'postgresql.existingSecret=db',
      ),
    ];
    const kinds = render(given).map(({ kind, metadata }) => `${kind} ${metadata.name}`);
    expect(kinds).not.toContain('Job uc-credentials');
    expect(kinds.filter((kind) => /^(Role|RoleBinding|Secret) /.test(kind))).toEqual([]);
  });

  it('are made for everybody who shows a certificate', () => {
    const wanted = JSON.parse(find(render(), 'ConfigMap', 'uc-credentials').data['credentials.json']);
    const mounted = render().flatMap((manifest) => secretsOf(manifest));
    const made = [...wanted.certificates, ...wanted.generated].map(({ secret }) => secret);
    expect(new Set(mounted)).toEqual(new Set(made));
  });
});

const podsOf = (manifests: Manifest[]): Manifest['spec'][] =>
  manifests.flatMap(({ kind, spec }) =>
    kind === 'Pod' ? [spec] : spec?.template ? [spec.template.spec] : [],
  );

function secretsOf(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  const { secretName, secret } = value as { secretName?: string; secret?: { name?: string } };
  const own = [secretName, secret?.name].filter((name) => name !== undefined);
  return [...own, ...Object.values(value).flatMap(secretsOf)];
}
