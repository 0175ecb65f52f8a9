/** The gateway's own egress policy for Kubernetes, in both forms, against what the policy says of the same address. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { firewallFor } from '../../proxy/cli/firewall.js';
import type { FenceSource } from '../../proxy/cli/firewall-fence.js';
import { type Address, addressFromBytes, parsePrefix } from '../../proxy/core/address.js';
import { embeddedIPv4 } from '../../proxy/core/embedded.js';
import { decideAddresses, type Policy } from '../../proxy/core/policy.js';
import { hostPortText } from '../../proxy/core/target.js';
import { type Ran, runCommand } from '../cli/run-command.js';
import { questionOf } from '../core/policy-question.js';
import { edges } from './edges.js';
import { type Attempt, readClusterPolicies, readNetworkPolicy } from './network-policy-reading.js';
import { addressOf, policy, port, rule, sourceOf } from './policies.js';

const FORMS = { networkpolicy: readNetworkPolicy, clusternetworkpolicy: readClusterPolicies };
const PORTS = [1, 22, 25, 26, 80, 443, 444, 7800, 7807, 65_535];

/** Rules by address and port alone: then the fence says exactly what the policy says. */
const EXACT: Readonly<Record<string, Policy>> = {
  'default public': policy(),
  'denials and exceptions': policy({
    deny: [
      rule('deny[0]', { address: '9.9.9.0/24' }),
      rule('deny[1]', { ports: [port(25)] }),
      rule('deny[2]', { address: '8.0.0.0/8', ports: [port(22), { from: 7800, to: 7807 }] }),
      rule('deny[3]', { address: '8.8.8.0/24', ports: [port(443)] }),
      rule('deny[4]', { address: '2a00::/16', ports: [port(80)] }),
      rule('deny[5]', { address: '192.168.1.0/30', ports: [port(444)] }),
      rule('deny[6]', { address: '192.168.1.3/32' }),
    ],
    internal: [
      rule('internal[0]', { address: '192.168.1.0/29', ports: [port(443), port(444)] }),
      rule('internal[1]', { address: '169.254.0.0/16', ports: [port(80)] }),
      rule('internal[2]', { address: '100.100.0.0/16', ports: [{ from: 7800, to: 7807 }] }),
      rule('internal[3]', { address: 'fd00::/16', ports: [port(443)] }),
    ],
  }),
  'default none': policy({
    default: 'none',
    deny: [rule('deny[0]', { address: '9.9.9.9/32' })],
    allow: [
      rule('allow[0]', { address: '9.9.9.0/24', ports: [port(443)] }),
      rule('allow[1]', { address: '2a00::/16', ports: [port(443)] }),
      rule('allow[2]', { address: '10.0.0.0/8' }),
      rule('allow[3]', { ports: [port(22)] }),
      rule('allow[4]', { address: '::/0', ports: [port(80)] }),
    ],
  }),
  'nothing at all': policy({ default: 'none' }),
  'ranges that are private here': policy({
    private: [prefixOf('34.118.224.0/20'), prefixOf('2600:1f14:abcd::/48')],
    internal: [rule('internal[0]', { address: '34.118.224.1/32', ports: [port(443)] })],
  }),
  'a NAT64 prefix of the network': policy({ nat64: [prefixOf('2a00:64::/96'), prefixOf('fd00:64::/96')] }),
};

const NEAR = [
  ...[
    '9.9.8.255',
    '9.9.9.0',
    '9.9.9.9',
    '9.9.10.0',
    '8.0.0.0',
    '8.8.7.255',
    '8.8.8.0',
    '8.8.8.255',
    '8.8.9.0',
    '9.0.0.0',
  ],
  ...['34.118.223.255', '34.118.224.0', '34.118.224.1', '34.118.239.255', '34.118.240.0', '2600:1f14:abcd::1'],
  ...['192.168.1.0', '192.168.1.3', '192.168.1.4', '192.168.1.7', '192.168.1.8', '100.100.100.200', '100.100.100.201'],
  ...['2a00::1', '2a01::1', 'fd00::1', 'fd00:ec2::254', 'fd01::1', '2a00:64::8.8.8.8', '2a00:64::10.0.0.1'],
  ...[
    'fd00:64::8.8.8.8',
    'fd00:64::169.254.169.254',
    '64:ff9b::192.168.1.0',
    '64:ff9b::192.168.1.3',
    '64:ff9b::9.9.9.9',
  ],
].map(addressOf);

for (const [name, of] of Object.entries(EXACT)) {
  test(`${name}: both forms let through what the policy allows, and nothing else`, async () => {
    for (const format of formats()) {
      const isOpen = FORMS[format](await textOf(format, of));
      const addresses = [...edges(), ...NEAR, ...edges().flatMap(translated)].filter((address) => !isIsatap(address));
      for (const address of addresses) for (const to of PORTS) agree(of, isOpen, address, to, format);
      fc.assert(
        fc.property(anyAddress(), fc.constantFrom(...PORTS), (address, to) => {
          fc.pre(!isIsatap(address));
          agree(of, isOpen, address, to, format);
        }),
        { numRuns: 500 },
      );
    }
  });
}

test('the fence does not let QUIC out', async () => {
  for (const format of formats()) {
    const isOpen = FORMS[format](await textOf(format, policy()));
    for (const text of ['8.8.8.8', '2a00::1', '64:ff9b::8.8.8.8'])
      assert.ok(!isOpen({ address: addressOf(text), protocol: 'UDP', port: 443 }), `${format} ${text}`);
  }
});

test('what only the proxy sees is left to it: hosts and clients of a denial, of an exception and of an allow list', async () => {
  const of = policy({
    default: 'none',
    deny: [rule('deny[0]', { host: 'a.example' }), rule('deny[1]', { address: '9.9.9.9/32', clients: ['x'] })],
    allow: [rule('allow[0]', { host: '*.github.com', ports: [port(443)], clients: ['x'] })],
    internal: [
      rule('internal[0]', { address: '192.168.1.20/32', ports: [port(443)], clients: ['nas'] }),
      rule('internal[1]', { host: 'n8n.tools.svc', ports: [port(5678)] }),
    ],
  });
  for (const format of formats()) {
    const text = await textOf(format, of);
    const isOpen = FORMS[format](text);
    const tcp = (address: string, to: number) => isOpen({ address: addressOf(address), protocol: 'TCP', port: to });
    assert.ok(tcp('9.9.9.9', 443), 'some client may reach it');
    assert.ok(!tcp('9.9.9.9', 80), 'no rule has port 80');
    assert.ok(tcp('192.168.1.20', 443));
    assert.ok(!tcp('192.168.1.21', 443));
    assert.ok(!tcp('10.0.0.1', 5678), 'the address of a name is not known');
    assert.match(text, /^# internal\[1\] names a host/m);
  }
});

test('a client with a default of its own opens what it may reach', async () => {
  const of = policy({ default: 'none', perClient: new Map([['browser', policy()]]) });
  const isOpen = readNetworkPolicy(await textOf('networkpolicy', of));
  assert.ok(isOpen({ address: addressOf('8.8.8.8'), protocol: 'TCP', port: 443 }));
});

test('names are asked of kube-dns, of dns.servers where there are some, and of whom the command line names', async () => {
  const servers = sourceOf(policy(), { dns: { servers: ['10.9.9.9', '[fd00:1::53]:5353'], timeoutMs: 3000 } });
  const dns = async (source: FenceSource, ...argv: string[]) => {
    const { out } = await runWith(source, '--format', 'networkpolicy', ...argv);
    const isOpen = readNetworkPolicy(out);
    const asks = (text: string, to: number) => isOpen({ address: addressOf(text), protocol: 'UDP', port: to });
    return { out, asks };
  };
  assert.match(
    (await dns(sourceOf(policy()))).out,
    /kubernetes\.io\/metadata\.name: "kube-system"[\s\S]*k8s-app: "kube-dns"/,
  );
  const configured = await dns(servers);
  assert.ok(configured.asks('10.9.9.9', 53) && configured.asks('fd00:1::53', 5353));
  assert.ok(!configured.asks('fd00:1::53', 53) && !configured.out.includes('kube-dns'));
  const named = await dns(servers, '--dns', '169.254.20.10', '--dns-pods', 'dns/app=node-local,tier=edge');
  assert.ok(named.asks('169.254.20.10', 53) && !named.asks('10.9.9.9', 53));
  assert.match(named.out, /metadata\.name: "dns"[\s\S]*app: "node-local"\n +tier: "edge"/);
});

test('the parent proxy is reached where it is an address, and said to be missing where it is a name', async () => {
  const parentAt = (authority: string) => {
    const { target } = questionOf(authority);
    const parent = {
      protocol: 'http',
      target,
      credentials: null,
      policy: policy(),
      noProxy: [],
      resolve: 'here',
    } as const;
    return sourceOf(policy(), { parent });
  };
  const literal = await runWith(parentAt('10.7.7.7:3128'), '--format', 'networkpolicy');
  const to = { address: addressOf('10.7.7.7'), protocol: 'TCP' as const };
  assert.ok(readNetworkPolicy(literal.out)({ ...to, port: 3128 }));
  assert.ok(!readNetworkPolicy(literal.out)({ ...to, port: 443 }));
  const named = await runWith(parentAt('corp.example:3128'), '--format', 'networkpolicy');
  assert.match(named.out, /^# upstream\.proxy is a name/m);
});

test('a policy of many rules is more than one object of the Admin tier, each within the bounds of the API', async () => {
  const deny = Array.from({ length: 60 }, (_, i) =>
    rule(`deny[${i}]`, { address: `9.9.${i}.0/24`, ports: [port(443)] }),
  );
  const text = await textOf('clusternetworkpolicy', policy({ deny }));
  const isOpen = readClusterPolicies(text);
  assert.ok((text.match(/^kind: ClusterNetworkPolicy$/gm)?.length ?? 0) > 4);
  assert.ok(!isOpen({ address: addressOf('9.9.59.1'), protocol: 'TCP', port: 443 }));
  assert.ok(isOpen({ address: addressOf('9.9.59.1'), protocol: 'TCP', port: 80 }));
});

test('options of the other formats, and invalid values, exit with 2 and print no rules', async () => {
  const cases: [string[], RegExp][] = [
    [['--subnet', '10.0.0.0/8'], /--subnet is not for networkpolicy/],
    [['--interface', 'br0'], /--interface is not for networkpolicy/],
    [['--remove'], /--remove is not for networkpolicy: use kubectl delete/],
    [['--namespace', 'No_Such'], /--namespace No_Such/],
    [['--dns', 'resolver.example'], /--dns resolver\.example/],
    [['--dns', '169.254.169.254'], /which nothing opens/],
    [['--dns', '10.9.9.9:0'], /--dns 10\.9\.9\.9:0/],
    [['--dns-pods', 'kube-system'], /--dns-pods kube-system: expected NAMESPACE\/KEY=VALUE/],
    [['--dns-pods', 'kube-system/app="x"'], /--dns-pods/],
    [['--dns', 'x', '--dns-pods', 'y'], /--dns x[\s\S]*--dns-pods y/],
  ];
  for (const [argv, message] of cases) {
    const { code, out, err } = await runWith(sourceOf(policy()), '--format', 'networkpolicy', ...argv);
    assert.equal(code, 2, argv.join(' '));
    assert.equal(out, '');
    assert.match(err, message);
  }
  const other = await runWith(sourceOf(policy()), '--subnet', '10.0.0.0/8', '--namespace', 'egress');
  assert.match(other.err, /--namespace is for networkpolicy and clusternetworkpolicy/);
});

function agree(of: Policy, isOpen: (attempt: Attempt) => boolean, address: Address, to: number, format: string): void {
  const question = questionOf(hostPortText(address.text, to));
  const expected = decideAddresses(of, question, [address]).outcome === 'allow';
  // An IPv4-mapped address is never on the wire: the dialer connects to the IPv4 address.
  if (embeddedIPv4(address, of.nat64)?.form === 'IPv4-mapped') return;
  assert.equal(isOpen({ address, protocol: 'TCP', port: to }), expected, `${format}: ${address.text} port ${to}`);
}

function anyAddress(): fc.Arbitrary<Address> {
  const four = fc.array(fc.nat(255), { minLength: 4, maxLength: 4 });
  const six = fc.array(fc.nat(255), { minLength: 16, maxLength: 16 });
  return fc.oneof(
    four.map(addressFromBytes),
    six.map(addressFromBytes),
    four.map((bytes) => nat64(bytes)),
  );
}

function translated(address: Address): Address[] {
  return address.family === 4 ? [nat64(address.bytes)] : [];
}

function nat64(inner: readonly number[]): Address {
  return addressFromBytes([...addressOf('64:ff9b::').bytes.slice(0, 12), ...inner]);
}

/** The one form that no prefix can name: left to the proxy. */
function isIsatap(address: Address): boolean {
  return embeddedIPv4(address, [])?.form === 'ISATAP';
}

function formats(): readonly (keyof typeof FORMS)[] {
  return ['networkpolicy', 'clusternetworkpolicy'];
}

async function textOf(format: keyof typeof FORMS, of: Policy): Promise<string> {
  const { code, out, err } = await runWith(sourceOf(of), '--format', format);
  assert.equal(code, 0, err);
  return out;
}

function runWith(source: FenceSource, ...argv: string[]): Promise<Ran> {
  return runCommand(
    firewallFor(() => source),
    argv,
  );
}

function prefixOf(text: string) {
  const prefix = parsePrefix(text);
  if (prefix === null) throw new Error(`${text} is no prefix`);
  return prefix;
}
