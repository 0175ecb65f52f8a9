import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { BRIDGE, type Lab, openLab, SUBNETS } from './lab.js';

const SCRIPT = fileURLToPath(new URL('../../../../docker/host/ssrf-egress-block.sh', import.meta.url));
const GIVEN = [...SUBNETS, '--interface', BRIDGE];

/** Rules of somebody else, around the places where ours go. */
const FOREIGN4 = `*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:DOCKER-USER - [0:0]
:SOMEBODY - [0:0]
-A INPUT -s 198.51.100.7/32 -j DROP
-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
-A FORWARD -j DOCKER-USER
-A FORWARD -o br-tools -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A DOCKER-USER -s 198.51.100.9/32 -m comment --comment "somebody else" -j SOMEBODY
-A DOCKER-USER -j RETURN
-A SOMEBODY -j DROP
COMMIT
`;
const FOREIGN6 = `*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
-A FORWARD -s 2001:db8::/32 -j DROP
COMMIT
`;

let lab: Lab;
let folder: string;
before(() => {
  lab = openLab();
  folder = mkdtempSync(join(tmpdir(), 'fw-'));
});
after(() => {
  lab.close();
  rmSync(folder, { recursive: true });
});
beforeEach(() => {
  lab.run('host', ['nft', 'flush', 'ruleset']);
  lab.run('host', ['iptables-restore'], FOREIGN4);
  lab.run('host', ['ip6tables-restore'], FOREIGN6);
});

for (const format of ['iptables', 'nftables']) {
  test(`${format}: applied twice is applied once, and removal restores the rule set byte for byte`, () => {
    const before = ruleSet();
    script('--format', format, ...GIVEN);
    const applied = ruleSet();
    assert.notEqual(applied, before);
    script('--format', format, ...GIVEN);
    assert.equal(ruleSet(), applied);
    script('--remove');
    assert.equal(ruleSet(), before);
    script('--remove');
    assert.equal(ruleSet(), before);
  });

  test(`${format}: rules that others put before and after ours stay where they are`, () => {
    script('--format', format, ...GIVEN);
    lab.run('host', ['iptables', '-I', 'DOCKER-USER', '1', '-s', '198.51.100.1', '-j', 'DROP']);
    lab.run('host', ['iptables', '-A', 'INPUT', '-s', '198.51.100.2', '-j', 'DROP']);
    const applied = ruleSet();
    script('--format', format, ...GIVEN);
    assert.equal(ruleSet(), applied);
    script('--remove');
    lab.run('host', ['iptables', '-D', 'DOCKER-USER', '-s', '198.51.100.1', '-j', 'DROP']);
    lab.run('host', ['iptables', '-D', 'INPUT', '-s', '198.51.100.2', '-j', 'DROP']);
    assert.equal(
      lab
        .run('host', ['iptables-save', '-t', 'filter'])
        .replace(/^#.*\n/gm, '')
        .replace(/\[\d+:\d+\]/g, '[0:0]'),
      FOREIGN4,
    );
  });

  test(`${format}: another subnet takes the place of the former one`, () => {
    script('--format', format, '172.20.0.0/16');
    assert.match(ruleSet(), /172\.20\.0\.0\/16/);
    script('--format', format, ...GIVEN);
    assert.doesNotMatch(ruleSet(), /172\.20\.0\.0\/16/);
    assert.match(ruleSet(), /172\.31\.250\.0\/24/);
  });

  test(`${format}: --check distinguishes rules in place from none, from others and from changed ones`, () => {
    assert.equal(attempt('--check', '--format', format, ...GIVEN).status, 1);
    script('--format', format, ...GIVEN);
    assert.match(script('--check', '--format', format, ...GIVEN), /in place; refused: 0 packets/);
    assert.equal(attempt('--check', '--format', format, '172.20.0.0/16').status, 1);
    const changes = {
      iptables: [
        'ip6tables',
        '-D',
        'MCP-EGRESS-JUDGE',
        '-d',
        '8000::/1',
        '-m',
        'comment',
        '--comment',
        'outside 2000::/3, not global unicast (IANA ipv6-address-space)',
        '-j',
        'MCP-EGRESS-REFUSE',
      ],
      nftables: ['nft', 'delete', 'element', 'inet', 'mcp_egress', 'special4', '{ 10.0.0.0/8 }'],
    };
    lab.run('host', format === 'iptables' ? changes.iptables : changes.nftables);
    assert.equal(attempt('--check', '--format', format, ...GIVEN).status, 1);
  });
}

test('the tables and built-in chains that came with the rules go with them, unless somebody uses them since', () => {
  lab.run('host', ['nft', 'flush', 'ruleset']);
  lab.run('host', ['iptables', '-N', 'DOCKER-USER']);
  const before = ruleSet();
  script(...GIVEN);
  script(...GIVEN);
  script('--remove');
  assert.equal(ruleSet(), before);
  script(...GIVEN);
  lab.run('host', ['ip6tables', '-P', 'INPUT', 'DROP']);
  script('--remove');
  assert.match(saved('ip6tables'), /^:INPUT DROP /m);
});

test('the legacy tools, which lock the table for each other, take the same rules and give them back', () => {
  lab.run('host', ['nft', 'flush', 'ruleset']);
  lab.run('host', ['iptables-legacy-restore'], FOREIGN4);
  lab.run('host', ['ip6tables-legacy-restore'], FOREIGN6);
  const before = savedLegacy();
  for (const args of [GIVEN, GIVEN, ['--check', ...GIVEN]]) assert.equal(attemptWithLegacyTools(...args).status, 0);
  const applied = savedLegacy();
  assert.match(applied, /^-A DOCKER-USER -j MCP-EGRESS-FORWARD$/m);
  assert.equal(attemptWithLegacyTools('--remove').status, 0);
  assert.equal(savedLegacy(), before);
});

test('--check notices a missing jump, and rules of others before ours', () => {
  script(...GIVEN);
  lab.run('host', ['iptables', '-I', 'DOCKER-USER', '1', '-s', '198.51.100.1', '-j', 'ACCEPT']);
  assert.match(script('--check', ...GIVEN), /there are rules before "DOCKER-USER -j MCP-EGRESS-FORWARD"/);
  lab.run('host', ['iptables', '-D', 'DOCKER-USER', '-j', 'MCP-EGRESS-FORWARD']);
  const { status, output } = attempt('--check', ...GIVEN);
  assert.equal(status, 1);
  assert.match(output, /the jump "DOCKER-USER -j MCP-EGRESS-FORWARD" is missing/);
});

test('a failure of the IPv6 half leaves nothing behind, or the rules that were there before', () => {
  const before = ruleSet();
  fake('ip6tables-restore', 'cat >/dev/null; exit 1');
  const { status, output } = attemptWithFakes(...GIVEN);
  assert.equal(status, 1);
  assert.match(output, /ip6tables-restore did not accept the IPv6 rules; the IPv4 rules are as they were before/);
  assert.equal(ruleSet(), before);

  script('172.20.0.0/16', '--dns', '192.168.1.53');
  const former = ruleSet();
  fake('ip6tables-restore', 'cat >/dev/null; exit 1');
  assert.equal(attemptWithFakes(...GIVEN).status, 1);
  assert.equal(ruleSet(), former);
});

test('a failure of the IPv4 half changes nothing', () => {
  script('172.20.0.0/16');
  const former = ruleSet();
  fake('iptables-restore', 'sed s/icmp-admin-prohibited/no-such-answer/ | /usr/sbin/iptables-restore "$@"');
  const { status, output } = attemptWithFakes(...GIVEN);
  assert.equal(status, 1);
  assert.match(output, /iptables-restore did not accept the IPv4 rules; nothing has changed/);
  assert.equal(ruleSet(), former);
});

test('with DOCKER-USER for IPv6 the jump is there and not in FORWARD, also where it was in FORWARD before', () => {
  script(...GIVEN);
  assert.match(saved('ip6tables'), /^-A FORWARD -j MCP-EGRESS-FORWARD$/m);
  lab.run('host', ['ip6tables', '-N', 'DOCKER-USER']);
  lab.run('host', ['ip6tables', '-I', 'FORWARD', '1', '-j', 'DOCKER-USER']);
  script(...GIVEN);
  assert.match(saved('ip6tables'), /^-A DOCKER-USER -j MCP-EGRESS-FORWARD$/m);
  assert.doesNotMatch(saved('ip6tables'), /^-A FORWARD -j MCP-EGRESS-FORWARD$/m);
});

test('without root, or without the chain DOCKER-USER, it says so and changes nothing', () => {
  const before = ruleSet();
  const command = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', 'bash', '-s', ...GIVEN];
  const unprivileged = lab.attempt('host', command, lab.run('host', ['cat', SCRIPT]));
  assert.equal(unprivileged.status, 1);
  assert.match(unprivileged.output, /only root can do this/);
  assert.equal(ruleSet(), before);

  lab.run('host', ['iptables', '-F']);
  lab.run('host', ['iptables', '-X', 'DOCKER-USER']);
  const bare = ruleSet();
  fake('docker', 'exit 1');
  const { status, output } = attemptWithFakes(...GIVEN);
  assert.equal(status, 1);
  assert.match(output, /there is no chain DOCKER-USER/);
  assert.equal(ruleSet(), bare);
});

test('shellcheck finds nothing in the script, nor in the scripts that it prints', () => {
  lab.run('host', ['shellcheck', SCRIPT]);
  for (const args of [GIVEN, ['--remove']]) {
    const { output } = lab.attempt('host', [SCRIPT, '--dry-run', '--format', 'iptables', ...args]);
    lab.run('host', ['shellcheck', '-'], output);
  }
});

test('a dry run changes nothing', () => {
  const before = ruleSet();
  script('--dry-run', ...GIVEN);
  script('--dry-run', '--remove');
  assert.equal(ruleSet(), before);
});

test('the network is asked of Docker: the first one of the stack that is there, its subnets and its bridge', () => {
  fake('docker', FAKE_DOCKER);
  const { status, output } = attemptWithFakes();
  assert.equal(status, 0, output);
  const rules = ruleSet();
  for (const text of ['-s 172.31.250.0/24', '-s fd00:31:250::/64', `-i ${BRIDGE} -g`])
    assert.ok(rules.includes(text), text);
});

test('without the networks of the stack it asks for a subnet', () => {
  fake('docker', 'case "$*" in version) ;; *) exit 1 ;; esac');
  const { status, output } = attemptWithFakes();
  assert.equal(status, 1);
  assert.match(output, /name the subnet of the tools/);
});

const FAKE_DOCKER = `case "$*" in
  version) ;;
  'network inspect ai-toolkit-frontend') ;;
  'network inspect -f '*' ai-toolkit-frontend') echo '172.31.250.0/24 fd00:31:250::/64 ' ;;
  'network ls '*) echo 0123456789abcdef ;;
  'network inspect -f '*' 0123456789abcdef') echo '0123456789abcdef br-tools 172.31.250.0/24 fd00:31:250::/64 ' ;;
  *) exit 1 ;;
esac`;

function script(...args: string[]): string {
  const { status, output } = attempt(...args);
  assert.equal(status, 0, output);
  return output;
}

function attempt(...args: string[]) {
  return lab.attempt('host', ['bash', '-c', 'exec "$0" "$@" 2>&1', SCRIPT, ...args]);
}

function attemptWithFakes(...args: string[]) {
  const path = `PATH=${folder}:${process.env.PATH}`;
  const result = lab.attempt('host', ['env', path, 'bash', '-c', 'exec "$0" "$@" 2>&1', SCRIPT, ...args]);
  rmSync(folder, { recursive: true });
  folder = mkdtempSync(join(tmpdir(), 'fw-'));
  return result;
}

/** A deadlock ends here, and fails the test that runs into it. */
function attemptWithLegacyTools(...args: string[]) {
  for (const tool of ['iptables', 'ip6tables'])
    for (const part of ['', '-save', '-restore']) fake(`${tool}${part}`, `exec timeout 20 ${tool}-legacy${part} "$@"`);
  return attemptWithFakes(...args);
}

function savedLegacy(): string {
  const both = ['iptables', 'ip6tables'].map((tool) => lab.run('host', [`${tool}-legacy-save`]));
  return both
    .join('')
    .replace(/^#.*\n/gm, '')
    .replace(/\[\d+:\d+\]/g, '[0:0]');
}

/** A program of that name that is found before the real one, until the next run. */
function fake(name: string, body: string): void {
  writeFileSync(join(folder, name), `#!/bin/bash\n${body}\n`);
  chmodSync(join(folder, name), 0o755);
}

/** Everything that the packet filter holds, counters and dates aside. */
function ruleSet(): string {
  return `${saved('iptables')}${saved('ip6tables')}${lab.run('host', ['nft', 'list', 'ruleset']).replace(/packets \d+ bytes \d+/g, '')}`;
}

function saved(tool: 'iptables' | 'ip6tables'): string {
  return lab
    .run('host', [`${tool}-save`])
    .replace(/^#.*\n/gm, '')
    .replace(/\[\d+:\d+\]/g, '[0:0]');
}
