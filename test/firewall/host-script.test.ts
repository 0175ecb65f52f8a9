import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { withGeneratedRules } from '../../proxy/firewall/host-script.js';
import { policy } from './policies.js';
import { rulesOf } from './rules-of.js';

const SCRIPT = fileURLToPath(new URL('../../../docker/host/ssrf-egress-block.sh', import.meta.url));
const SUBNETS = ['172.31.250.0/24', '172.30.0.0/16', 'fd00:31::/64'];
const OTHERS = ['--interface', 'br-tools', '--dns', '10.9.9.9', '--dns', 'fd00:2::53'];

test('the script carries the rules of the tables that the proxy enforces (else: npm run firewall:script)', () => {
  const text = readFileSync(SCRIPT, 'utf8');
  assert.ok(text === withGeneratedRules(text), 'docker/host/ssrf-egress-block.sh is out of date');
});

test('its dry run prints byte for byte what the firewall command prints', () => {
  for (const format of ['iptables', 'nftables']) {
    const shell = execFileSync(SCRIPT, ['--dry-run', ...SUBNETS, ...OTHERS, '--format', format], { stdio: 'pipe' });
    const args = [...SUBNETS.flatMap((subnet) => ['--subnet', subnet]), ...OTHERS, '--format', format];
    assert.equal(shell.toString(), command(args));
  }
});

test('its removal, dry, is that of the firewall command', () => {
  const shell = spawnSync(SCRIPT, ['--dry-run', '--remove', '--format', 'iptables'], { encoding: 'utf8' });
  assert.ok(['', command(['--remove'])].includes(shell.stdout), 'nothing where there is no iptables');
});

test('arguments that are no subnet, resolver, bridge or format end it with 2 before it prints a rule', () => {
  const cases = [
    ['10.0.0.0/33'],
    ['10.0.0.1/8'],
    ['10.0.0.0'],
    ['0.0.0.0/0'],
    ['01.0.0.0/8'],
    ['10.0.0.0/8 -j ACCEPT'],
    ['fd00::1/64'],
    ['fd00:::/64'],
    ['1::2::/64'],
    ['10.0.0.0/8', '--dns', '169.254.169.254'],
    ['10.0.0.0/8', '--dns', 'fd00:ec2:0::253'],
    ['10.0.0.0/8', '--dns', 'FE80::1'],
    ['10.0.0.0/8', '--dns'],
    ['10.0.0.0/8', '--interface', 'br0;reboot'],
    ['10.0.0.0/8', '--format', 'pf'],
    ['10.0.0.0/8', '--wipe'],
  ];
  for (const args of cases) {
    const { status, stdout } = spawnSync(SCRIPT, ['--dry-run', ...args], { encoding: 'utf8' });
    assert.equal(status, 2, args.join(' '));
    assert.equal(stdout, '');
  }
});

function command(args: readonly string[]): string {
  return rulesOf(policy(), args);
}
