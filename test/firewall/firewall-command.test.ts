import assert from 'node:assert/strict';
import { test } from 'node:test';
import { firewallFor } from '../../proxy/cli/firewall.js';
import { type Ran, runCommand } from '../cli/run-command.js';
import { policy, sourceOf } from './policies.js';

test('both forms name the subnet, the resolver and every special-purpose range of both families', async () => {
  for (const format of ['iptables', 'nftables']) {
    const { code, out, err } = await run(
      '--subnet',
      '172.31.250.0/24',
      '--subnet',
      'fd00:31::/64',
      '--dns',
      '10.9.9.9',
      '--format',
      format,
    );
    assert.equal(code, 0);
    assert.equal(err, '');
    for (const text of [
      '172.31.250.0/24',
      'fd00:31::/64',
      '10.9.9.9/32',
      '10.0.0.0/8',
      '169.254.169.254',
      '2001:db8::/32',
    ])
      assert.ok(out.includes(text), `${format}: ${text}`);
    assert.ok(!out.includes('{}'), 'no place is left unfilled');
  }
});

test('the iptables form is the default and jumps from DOCKER-USER and INPUT', async () => {
  const { out } = await run('--subnet', '172.31.250.0/24');
  assert.match(out, /^#!\/bin\/sh\n/);
  assert.match(out, /add_jump "\$1" \$hook MCP-EGRESS-FORWARD/);
  assert.match(out, /add_jump "\$1" INPUT MCP-EGRESS-INPUT/);
});

test('the nftables form replaces one table of its own', async () => {
  const { out } = await run('--subnet', '172.31.250.0/24', '--format', 'nftables');
  assert.match(out, /\ntable inet mcp_egress\ndelete table inet mcp_egress\ntable inet mcp_egress \{\n/);
});

test('a subnet given twice is there once', async () => {
  const { out } = await run('--subnet', '172.31.250.0/24', '--subnet', '172.31.250.0/24');
  assert.equal(out.match(/^-A MCP-EGRESS-INPUT -s /gm)?.length, 1);
});

test('IPv4 subnets alone get a warning about IPv6', async () => {
  assert.match((await run('--subnet', '172.31.250.0/24')).err, /only IPv4 subnets are named/);
  assert.equal((await run('--subnet', '172.31.250.0/24', '--interface', 'br-tools')).err, '');
});

test('removal needs no subnet and names no range', async () => {
  for (const format of ['iptables', 'nftables']) {
    const { code, out } = await run('--remove', '--format', format);
    assert.equal(code, 0);
    assert.ok(!out.includes('10.0.0.0/8'));
  }
});

test('wrong arguments exit with 2, all errors and no rules', async () => {
  const cases: [string[], RegExp][] = [
    [[], /--subnet is missing/],
    [['--subnet', '172.31.250.1/24'], /--subnet 172\.31\.250\.1\/24: expected a subnet/],
    [['--subnet', '172.31.250.0'], /no bits set after the prefix length/],
    [['--subnet', '0.0.0.0/0'], /this is every address/],
    [['--subnet', '10.0.0.0/8; reboot'], /expected a subnet/],
    [['--subnet', '10.0.0.0/8', '--dns', 'resolver.example'], /--dns resolver\.example/],
    [['--subnet', '10.0.0.0/8', '--dns', '169.254.169.254'], /which nothing opens/],
    [['--subnet', '10.0.0.0/8', '--interface', 'br0"; accept'], /--interface/],
    [['--subnet', '10.0.0.0/8', '--interface', '-j'], /--interface/],
    [
      ['--subnet', '10.0.0.0/8', '--format', 'pf'],
      /--format is one of iptables, nftables, networkpolicy, clusternetworkpolicy/,
    ],
    [['--subnet', '10.0.0.0/8', '--wipe'], /--wipe/],
    [['10.0.0.0/8'], /10\.0\.0\.0\/8/],
  ];
  for (const [argv, message] of cases) {
    const { code, out, err } = await run(...argv);
    assert.equal(code, 2, argv.join(' '));
    assert.equal(out, '');
    assert.match(err, message);
    assert.match(err, /usage: egress-proxy firewall/);
  }
});

test('every error is named at once', async () => {
  const { err } = await run('--subnet', 'x', '--dns', 'y', '--format', 'z');
  assert.match(err, /--subnet x[\s\S]*--dns y[\s\S]*--format is one of/);
});

function run(...argv: string[]): Promise<Ran> {
  return runCommand(
    firewallFor(() => sourceOf(policy())),
    argv,
  );
}
