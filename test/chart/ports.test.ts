// What an upgrade changes in a Service or a pod is merged by the numbers of its ports: two of one number are taken for one.
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { chart, find, type Manifest, NAMESPACE, refusal, render, renderWhere, set } from './helm.ts';

const KIND = ['--values', join(chart, 'values-kind.yaml')];
const PRODUCTION = ['--values', join(chart, 'values-production.yaml')];
const HOST_PORTS = set('frontend.hostPorts.sip-udp=5060', 'frontend.hostPorts.sip-tcp=5060');

interface Port {
  name: string;
  port: number;
  targetPort: string;
  protocol: string;
  nodePort?: number;
}

const portsOf = (manifests: Manifest[], service: string): Port[] =>
  find(manifests, 'Service', service).spec.ports;

function twice(numbers: readonly number[]): number[] {
  return numbers.filter((number, at) => numbers.indexOf(number) < at);
}

describe.each([
  ['default', []],
  ['production', PRODUCTION],
  ['host ports', HOST_PORTS],
])('%s values', (_, args) => {
  const manifests = render(args);

  it('give no Service two ports of one number', () => {
    for (const { kind, spec } of manifests)
      if (kind === 'Service') expect(twice(spec.ports.map(({ port }: Port) => port))).toEqual([]);
  });
});

describe.each([
  ['default', []],
  ['kind', KIND],
  ['host ports', HOST_PORTS],
])('%s values', (_, args) => {
  it('give no container two ports of one number', () => {
    for (const { kind, spec } of render(args)) {
      if (kind !== 'StatefulSet') continue;
      for (const { ports } of spec.template.spec.containers)
        expect(twice(ports.map((port: { containerPort: number }) => port.containerPort))).toEqual([]);
    }
  });

  it('have Front Ends listen where their Services lead', () => {
    const manifests = render(args);
    const { listeners } = parse(find(manifests, 'ConfigMap', 'uc-frontend').data['config.yaml']);
    const { ports } = find(manifests, 'StatefulSet', 'uc-frontend').spec.template.spec.containers[0];
    const numbers = Object.fromEntries(
      ports.map((port: { name: string; containerPort: number }) => [port.name, port.containerPort]),
    );
    expect(numbers).toMatchObject({
      'sip-udp': listeners.sipUdp.port,
      'sip-tcp': listeners.sipTcp.port,
      'sip-tls': listeners.sipTls.port,
    });
  });
});

describe('SIP over UDP', () => {
  it('has a Service of its own, like the other', () => {
    const args = [
      ...set('frontend.service.type=LoadBalancer', 'frontend.service.loadBalancerClass=metal'),
      ...set('frontend.service.annotations.share=yes', 'frontend.udpService.annotations.kind=udp'),
    ];
    const manifests = render(args);
    expect(portsOf(manifests, 'uc-frontend').map(({ name }) => name)).toEqual(['sip-tcp', 'sip-tls']);
    const { spec, metadata } = find(manifests, 'Service', 'uc-frontend-sip-udp');
    const other = find(manifests, 'Service', 'uc-frontend');
    expect(spec).toEqual({
      ...other.spec,
      ports: [{ name: 'sip-udp', port: 5060, targetPort: 'sip-udp', protocol: 'UDP' }],
    });
    expect(metadata.annotations).toEqual({ share: 'yes', kind: 'udp' });
    expect(other.metadata.annotations).toEqual({ share: 'yes' });
  });

  it('tells clients the address of that Service', () => {
    const { listeners } = parse(find(render(PRODUCTION), 'ConfigMap', 'uc-frontend').data['config.yaml']);
    expect(listeners).toMatchObject({
      sipUdp: { sentBy: 'sipudp.contoso.com:5060' },
      sipTcp: { sentBy: 'sipinternal.contoso.com:5060' },
    });
    const one = render(set('frontend.advertise.signalling=sip.example.net'));
    const config = parse(find(one, 'ConfigMap', 'uc-frontend').data['config.yaml']);
    expect(config.listeners.sipUdp.sentBy).toBe('sip.example.net:5060');
  });

  it('shares a Service where both have one node port, as on kind', () => {
    const manifests = render(KIND);
    const ports = portsOf(manifests, 'uc-frontend').map(({ name, nodePort }) => [name, nodePort]);
    expect(ports).toEqual([
      ['sip-udp', 30060],
      ['sip-tcp', 30060],
      ['sip-tls', 30062],
    ]);
    expect(manifests.map(({ metadata }) => metadata.name)).not.toContain('uc-frontend-sip-udp');
    expect(refusal([...KIND, ...set('frontend.udpService.separate=true')])).toContain(
      'frontend.service.nodePorts: Kubernetes gives the number of sip-udp to one Service only',
    );
  });

  it('stays where it is in a Service of before: to take it out would take TCP too', async () => {
    const present = (ports: object[]): Manifest => ({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'uc-frontend', namespace: NAMESPACE },
      spec: { ports },
    });
    const both = [
      { name: 'sip-udp', port: 5060, protocol: 'UDP' },
      { name: 'sip-tcp', port: 5060, protocol: 'TCP' },
    ];
    const before = await renderWhere([present(both)]);
    expect(portsOf(before, 'uc-frontend').map(({ name }) => name)).toEqual(['sip-udp', 'sip-tcp', 'sip-tls']);
    const after = await renderWhere([present(both.slice(1))]);
    expect(portsOf(after, 'uc-frontend').map(({ name }) => name)).toEqual(['sip-tcp', 'sip-tls']);
  });
});
