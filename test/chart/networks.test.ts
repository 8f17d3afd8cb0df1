// Who may talk to whom, as the network policies have it.
import { BlockList, isIPv4 } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { chart, complaints, find, KUBERNETES, type Manifest, render, renderText, set } from './helm.ts';

const PRODUCTION = ['--values', join(chart, 'values-production.yaml')];
const policyOf = (manifests: Manifest[], role: string): Manifest['spec'] =>
  find(manifests, 'NetworkPolicy', `uc-${role}`).spec;
const componentOf = (peer: Manifest): string | undefined =>
  peer.podSelector?.matchLabels['app.kubernetes.io/component'];

interface IpBlock {
  cidr: string;
  except?: string[];
}

describe('calls between roles', () => {
  const manifests = render(PRODUCTION);
  const callers = (role: string): string[] => {
    const [rpc] = policyOf(manifests, role).ingress;
    return rpc.from.map(componentOf).sort();
  };

  it('come from the roles that make them, and CMS', () => {
    expect(callers('director')).toEqual(['cms', 'edge']);
    expect(callers('edge')).toEqual(['cms', 'frontend']);
    expect(callers('frontend')).toEqual(['cms', 'director', 'frontend', 'persistent-chat']);
    expect(callers('persistent-chat')).toEqual(['cms', 'frontend']);
  });

  it('keep Edge away from Front Ends and PostgreSQL', () => {
    const edge = JSON.stringify(policyOf(manifests, 'edge').egress);
    expect(edge).toContain('component":"director"');
    expect(edge).not.toContain('component":"frontend"');
    expect(edge).not.toContain('5432');
  });
});

describe('administrators', () => {
  it('reach CMS, and nobody else', () => {
    const peer = { ipBlock: { cidr: '10.9.0.0/16' } };
    const manifests = render(['--set-json', `networkPolicy.administrators=${JSON.stringify([peer])}`]);
    const open = manifests.filter(
      ({ kind, spec }) => kind === 'NetworkPolicy' && JSON.stringify(spec).includes('10.9.0.0/16'),
    );
    expect(open.map(({ metadata }) => metadata.name)).toEqual(['uc-cms']);
    const [rpc] = policyOf(manifests, 'cms').ingress;
    expect(rpc).toMatchObject({ ports: [{ port: 'rpc' }] });
    expect(rpc.from).toContainEqual(peer);
    expect(rpc.from.map(componentOf).filter(Boolean).sort()).toEqual(['cms', 'job', 'test']);
  });
});

describe('Front Ends and their clients', () => {
  /** Where connections may go that name no port. */
  const called = (args: string[] = []): Manifest[] => {
    const { egress } = policyOf(render(args), 'frontend');
    return egress.filter(({ ports }: Manifest) => ports === undefined).flatMap(({ to }: Manifest) => to);
  };
  const byDefault = called();
  const familyOf = (address: string): 'ipv4' | 'ipv6' => (isIPv4(address) ? 'ipv4' : 'ipv6');
  const within = (address: string, networks: readonly string[]): boolean =>
    networks.some((network) => {
      const [base = '', bits] = network.split('/');
      const list = new BlockList();
      list.addSubnet(base, Number(bits), familyOf(base));
      // A BlockList takes an IPv4 address for one of IPv6 too.
      return familyOf(base) === familyOf(address) && list.check(address, familyOf(address));
    });
  const reached = (address: string): boolean =>
    byDefault.some(({ ipBlock }) => {
      const { cidr, except = [] } = ipBlock as IpBlock;
      return within(address, [cidr]) && !within(address, except);
    });

  it.each(['203.0.113.9', '10.1.2.3', '192.168.7.7', '2001:db8::5', 'fd12:3456::1'])(
    '%s may be called',
    (client) => {
      expect(reached(client)).toBe(true);
    },
  );

  it.each([
    '169.254.169.254',
    '169.254.170.2',
    '100.100.100.200',
    '168.63.129.16',
    '127.0.0.1',
    '224.0.1.75',
    '255.255.255.255',
    'fe80::1',
    'fd00:ec2::254',
    'fd20:ce::254',
    '::1',
    'ff02::1',
  ])('%s is no client', (address) => {
    expect(reached(address)).toBe(false);
  });

  it('may be told of networks, in which they are', () => {
    const networks = [{ cidr: '10.0.0.0/8', except: ['10.96.0.0/12'] }];
    const args = ['--set-json', `networkPolicy.calledClients=${JSON.stringify(networks)}`];
    expect(called(args)).toEqual([{ ipBlock: networks[0] }]);
    expect(called(['--set-json', 'networkPolicy.calledClients=[]'])).toEqual([]);
    const clients = [{ namespaceSelector: { matchLabels: { phones: 'yes' } } }];
    const named = ['--set-json', `networkPolicy.clients=${JSON.stringify(clients)}`];
    expect(called(named)).toEqual(clients);
    expect(complaints(renderText(args), KUBERNETES[0])).toBe('');
  });

  it('are the only ones who call out to any port', () => {
    for (const { kind, metadata, spec } of render()) {
      if (kind !== 'NetworkPolicy' || metadata.name === 'uc-frontend' || metadata.name === 'uc-jobs')
        continue;
      for (const { ports } of spec.egress ?? []) expect(ports).toBeDefined();
    }
  });
});

describe('the compliance store', () => {
  const egress = (...values: string[]) => policyOf(render(set(...values)), 'persistent-chat').egress;
  const ports = (rules: Manifest[]): number[] =>
    rules.flatMap(({ ports = [] }: Manifest) => ports.map(({ port }: { port: number }) => port)).sort();
  const own = 'persistentChat.config.compliance.postgres';

  it('is reached by the way to PostgreSQL where it is there', () => {
    expect(ports(egress())).toEqual([4222, 5432, 7040]);
  });

  it('is reached on the port that it has on a server of its own', () => {
    const rules = egress(`${own}.host=archive.example.net`, `${own}.port=6543`);
    expect(rules).toContainEqual({ ports: [{ port: 6543, protocol: 'TCP' }] });
    expect(egress(`${own}.host=archive.example.net`)).toContainEqual({
      ports: [{ port: 5432, protocol: 'TCP' }],
    });
    expect(egress(`${own}.port=6543`)).toContainEqual({ ports: [{ port: 6543, protocol: 'TCP' }] });
  });

  it('has no way where there is none', () => {
    expect(ports(egress('persistentChat.config.compliance=null'))).toEqual([4222, 5432, 7040]);
  });

  it('is reached by no other role', () => {
    const manifests = render(set(`${own}.host=archive.example.net`, `${own}.port=6543`));
    for (const role of ['cms', 'director', 'edge', 'frontend'])
      expect(ports(policyOf(manifests, role).egress)).not.toContain(6543);
  });
});
