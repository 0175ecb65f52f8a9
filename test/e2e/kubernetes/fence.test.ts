/** The addresses that the chart opens to the gateway, whatever the values: what the firewall command opens, and nothing else. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { parse } from 'yaml';
import { addressFromBytes, type Prefix, parsePrefix } from '../../../proxy/core/address.js';
import { type EgressRule, openBy } from '../../firewall/network-policy-reading.js';
import { CHART, helmFails, pick, ROOT, render } from './helm.js';

const PRIVATE = ['34.118.224.0/20', '34.118.224.0/20', '10.0.0.0/8', '0.0.0.0/1', '2::/16', '3000::/4'].concat([
  '2600:1F14::/32',
  '2600::1.2.3.4/128',
  '2002:2276:e000::/36',
  '2001:db8::/32',
  '4000::/3',
  'fd00::/8',
]);
/** Each beside what nothing opens, or inside of it. */
const INTERNAL = ['192.168.1.20', '10.0.0.0/8', '100.64.0.0/10', '169.254.0.0/16', '169.254.169.254', '128.0.0.0/1']
  .concat(['192.0.0.0/24', '168.63.129.16', '127.0.0.1', '224.0.0.0/4', '0.0.0.0/8', '8.8.8.8'])
  .concat(['::1', 'fe80::1', 'FE80::a9fe:A9FE', 'ff02::1', '2002:a00:1::1', '2001:0:5::1', '2600::5'])
  .concat(['fd00:ec2::254', 'FD00:0EC2:0:0:0:0:0:254', 'fd00:ec2::0.0.2.84', 'fd00:ec2::255', 'fd20:ce::254'])
  .concat(['fd00:42::42', 'fd00:a9fe:a9fe::1', 'fd00::1', '64:ff9b:1::a00:1', 'fec0::1', '::ffff:0:a00:1']);

test('what the values say is private, or internal, is fenced in as the program fences it', (t) => {
  const { chart, program } = rulesFor(t, {
    'config.policy.private': PRIVATE,
    'config.policy.internal': INTERNAL.map((address) => ({ address, ports: [443, '8000-8010'] })),
  });
  const [byChart, byProgram] = [openBy(chart), openBy(program)];
  const tables = [...PRIVATE, ...INTERNAL.map((text) => (text.includes('/') ? text : `${text}/${bitsOf(text)}`))];
  let open = 0;
  for (const address of tables.flatMap((text) => edges(prefixOf(text))))
    for (const port of [80, 443, 8000, 8010, 8011]) {
      const attempt = { address, protocol: 'TCP', port } as const;
      assert.equal(byChart(attempt), byProgram(attempt), `${address.text} port ${port}`);
      if (byChart(attempt)) open += 1;
    }
  assert.ok(open > 50, `${open} are open`);
});

test('a NAT64 prefix of the network, which the chart cannot look into, needs the exact list', () => {
  const nat64 = ['--set-json', 'config.policy.nat64=["2a00:64::/96"]'];
  assert.match(helmFails('template', 'egress-proxy', CHART, ...nat64), /nat64: .*networkPolicy\.egressRules/);
  const rules = '[{"to":[{"ipBlock":{"cidr":"192.0.2.1/32"}}],"ports":[{"protocol":"TCP","port":443}]}]';
  assert.ok(render(...nat64, '--set-json', `networkPolicy.egressRules=${rules}`).length > 0);
});

test('an address that the program refuses opens no hole in the fence of the pods that still run', () => {
  const cases: readonly [string, RegExp][] = [
    ['64:ff9b::a9fe:a9fe', /stands for an IPv4 address/],
    ['64:FF9B::10.0.0.1', /stands for an IPv4 address/],
    ['::ffff:169.254.169.254/128', /stands for an IPv4 address/],
    ['0:0:0:0:0:FFFF:a00:1', /stands for an IPv4 address/],
    ['10.1.2.3/8', /has host bits/],
    ['192.168.1.1/0', /has host bits/],
    ['169.0254.169.254', /leading zero/],
    ['010.0.0.1', /leading zero/],
    ['10.0.0.0/010', /leading zero/],
    ['fd00:ec2::0.0.002.84', /leading zero/],
  ];
  for (const [address, said] of cases) {
    const value = JSON.stringify([{ address, ports: [443] }]);
    const all = helmFails('template', 'egress-proxy', CHART, '--set-json', `config.policy.internal=${value}`);
    assert.match(all, said, address);
  }
});

/** What the chart renders, and what the program prints for the policy file in it, without what is for DNS. */
function rulesFor(context: TestContext, values: Readonly<Record<string, unknown>>) {
  const folder = mkdtempSync(join(tmpdir(), 'egress-fence-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const own = Object.entries(values).flatMap(([key, value]) => ['--set-json', `${key}=${JSON.stringify(value)}`]);
  const manifests = render(...own).filter(({ metadata }) => metadata.namespace === 'egress');
  const file = join(folder, 'policy.yaml');
  writeFileSync(file, pick<{ data: Record<string, string> }>(manifests, 'ConfigMap').data['policy.yaml'] ?? '');
  const command = [join(ROOT, 'dist/proxy/main.js'), 'firewall', '--format', 'networkpolicy', '--config', file];
  const { stdout, stderr } = spawnSync(process.execPath, command, { encoding: 'utf8' });
  assert.notEqual(stdout, '', stderr);
  const addresses = (rules: readonly EgressRule[]) => rules.filter(({ to }) => to[0]?.ipBlock !== undefined);
  return {
    chart: addresses(pick<{ spec: { egress: EgressRule[] } }>(manifests, 'NetworkPolicy').spec.egress),
    program: addresses(parse(stdout).spec.egress),
  };
}

/** The first and the last address of a prefix, and the two around it. */
function edges({ address, bits }: Prefix) {
  const length = BigInt(address.bytes.length * 8);
  const first = BigInt(`0x${Buffer.from(address.bytes).toString('hex')}`);
  const last = first + (1n << (length - BigInt(bits))) - 1n;
  return [first - 1n, first, last, last + 1n].flatMap((number) => {
    if (number < 0n || number >= 1n << length) return [];
    const hex = number.toString(16).padStart(Number(length) / 4, '0');
    return [addressFromBytes([...Buffer.from(hex, 'hex')])];
  });
}

function prefixOf(text: string): Prefix {
  return parsePrefix(text) ?? assert.fail(text);
}

function bitsOf(address: string): number {
  return address.includes(':') ? 128 : 32;
}
