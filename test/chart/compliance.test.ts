// Settings of the compliance store, as the pods get them.
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { complianceConfig } from '../../services/persistent-chat/src/compliance/config.ts';
import { complaints, find, KUBERNETES, type Manifest, refusal, render, renderText, set } from './helm.ts';

const FOLDER = '/var/lib/linchpin-archive';
const ARCHIVE = { name: 'archive', format: 'xml', folder: `${FOLDER}/xml` };
const JOURNAL = {
  name: 'journal',
  format: 'eml',
  folder: `${FOLDER}/eml`,
  from: 'chat@contoso.com',
  to: 'journal@contoso.com',
};
const SIEM = {
  name: 'siem',
  module: '/etc/linchpin/siem/siem.mjs',
  options: { url: 'https://siem.example' },
};
const MOUNT = set(
  'persistentChat.extraVolumes[0].name=siem',
  'persistentChat.extraVolumes[0].configMap.name=siem',
  'persistentChat.extraVolumeMounts[0].name=siem',
  'persistentChat.extraVolumeMounts[0].mountPath=/etc/linchpin/siem/',
);
const CLAIM = set('persistentChat.compliance.existingClaim=worm');
const adapters = (...list: object[]): string[] => [
  '--set-json',
  `persistentChat.compliance.adapters=${JSON.stringify(list)}`,
];
const compliance = (args: string[]) =>
  parse(find(render(args), 'ConfigMap', 'uc-persistent-chat').data['config.yaml']).compliance;

describe('settings of compliance', () => {
  it('are what the role has by default', () => {
    const { postgres, ...settings } = compliance([]);
    expect(settings).toEqual({ adapters: [], fourEyes: false, maxLagSeconds: 60 });
    const { postgres: _, ...defaults } = complianceConfig.parse({ postgres });
    expect(settings).toEqual(defaults);
  });

  it('are those of the values, in the pods and in the job that migrates', () => {
    const args = [
      ...set('persistentChat.compliance.fourEyes=true', 'persistentChat.compliance.maxLagSeconds=300'),
      ...adapters(ARCHIVE, JOURNAL, SIEM),
      ...[...CLAIM, ...MOUNT],
    ];
    const settings = compliance(args);
    expect(settings).toMatchObject({
      fourEyes: true,
      maxLagSeconds: 300,
      adapters: [ARCHIVE, JOURNAL, SIEM],
    });
    expect(complianceConfig.safeParse(settings).error).toBeUndefined();
    const job = find(render(args), 'ConfigMap', 'uc-migrate-persistent-chat').data['config.yaml'];
    expect(parse(job).compliance).toEqual(settings);
    expect(complaints(renderText(args), KUBERNETES[0])).toBe('');
  });

  it('give way to the configuration that is laid over them', () => {
    expect(compliance(set('persistentChat.config.compliance.maxLagSeconds=7')).maxLagSeconds).toBe(7);
  });

  it('have a volume for what adapters write', () => {
    const { volumes, containers } = find(render(CLAIM), 'StatefulSet', 'uc-persistent-chat').spec.template
      .spec;
    const named = ({ name }: { name: string }): boolean => name === 'archive';
    expect(volumes.find(named)).toEqual({ name: 'archive', persistentVolumeClaim: { claimName: 'worm' } });
    expect((containers as Manifest[])[0]?.volumeMounts.find(named).mountPath).toBe(FOLDER);
  });
});

describe('settings that cannot work are refused', () => {
  it.each([
    ['/persistentChat/compliance/maxLagSeconds', set('persistentChat.compliance.maxLagSeconds=0')],
    ['/persistentChat/compliance/fourEyes', set('persistentChat.compliance.fourEyes=always')],
    [
      "/persistentChat/compliance': additional properties 'foureyes'",
      set('persistentChat.compliance.foureyes=true'),
    ],
    ['/persistentChat/compliance/adapters/0', [...adapters({ ...ARCHIVE, format: 'pdf' }), ...CLAIM]],
    ['/persistentChat/compliance/adapters/0', [...adapters({ ...JOURNAL, to: undefined }), ...CLAIM]],
    ['/persistentChat/compliance/adapters/0', adapters({ name: 'nothing' })],
    [`adapters: ${FOLDER}/xml of archive is on no volume`, adapters(ARCHIVE)],
    [
      'adapters: /tmp/xml of archive is on no volume',
      [...adapters({ ...ARCHIVE, folder: '/tmp/xml' }), ...CLAIM],
    ],
    [
      `adapters: ${FOLDER}s of archive is on no volume`,
      [...adapters({ ...ARCHIVE, folder: `${FOLDER}s` }), ...CLAIM],
    ],
    [`adapters: ${SIEM.module} of siem is on no volume`, [...adapters(SIEM), ...CLAIM]],
  ])('%s', (path, args) => {
    expect(refusal(args)).toContain(path);
  });
});
