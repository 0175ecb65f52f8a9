import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { compose } from './demo-stack.js';
import { docker, tryDocker, until } from './docker.js';
import { buildImages } from './images.js';
import { type Frame, hear, heard, PORT, placeOf, send } from './raw-frames.js';

/**
 * A sidecar on the networks of tools, a backend, a stand-in of the internet, and one that leads to the host. Neither the
 * backend nor the internet leads anywhere: no frame leaves the machine.
 */
const NET = { tools: 'fwd-tools', backend: 'fwd-backend', internet: 'fwd-internet', egress: 'fwd-egress' } as const;
const PREFIX = { tools: '10.231.244', backend: '10.231.245', internet: '45.46.47', egress: '10.231.246' } as const;
const HEARERS = { neighbour: 'fwd-neighbour', backend: 'fwd-service', internet: 'fwd-site', host: 'fwd-host' } as const;
const SIDECAR = 'fwd-sidecar';
/** A DNS question for the address of secret.test. */
const QUESTION = '00070100000100000000000006736563726574047465737400000100' + '01';

/** With it on, as up to Engine 27.2, bridged frames pass iptables, and Docker's rules hide what is tested here. */
const BRIDGE_NF = ['iptables', 'ip6tables']
  .map((name) => `/proc/sys/net/bridge/bridge-nf-call-${name}`)
  .filter((path) => existsSync(path))
  .map((path) => ({ path, value: readFileSync(path, 'utf8') }));

let shipped: readonly string[];

before(async () => {
  for (const { path } of BRIDGE_NF) writeFileSync(path, '0');
  await buildImages();
  shipped = await shippedSysctls();
  const create = (name: keyof typeof NET, ...options: string[]): Promise<string> => {
    const subnets = ['--subnet', `${PREFIX[name]}.0/24`, '--ipv6', '--subnet', subnet6(name)];
    return docker(['network', 'create', ...options, ...subnets, NET[name]]);
  };
  await create('tools', '--internal', '-o', 'com.docker.network.bridge.inhibit_ipv4=true');
  for (const name of ['backend', 'internet'] as const) await create(name, '--internal');
  await create('egress');
  await hear(HEARERS.neighbour, NET.tools);
  await hear(HEARERS.backend, NET.backend);
  await hear(HEARERS.internet, NET.internet);
  await hear(HEARERS.host, 'host');
});

after(async () => {
  await tryDocker(['rm', '-f', SIDECAR, ...Object.values(HEARERS)]);
  await tryDocker(['network', 'rm', ...Object.values(NET)]);
  for (const { path, value } of BRIDGE_NF) writeFileSync(path, value);
});

const LEAKS = ['backend', 'host by its bridge', 'internet', 'internet, own source', 'internet, with a VLAN tag'];

test('a sidecar without sysctls routes the frames of a tool to the backend, the host and the internet', async () => {
  await startSidecar(['net.ipv4.ip_forward=1']);
  await sendFrames('none');
  assert.deepEqual(await leaks('none'), LEAKS);
  const [line] = await events('kernel-forwarding');
  assert.deepEqual(line?.interfaces, { ipv4: ['eth0', 'eth1', 'eth2', 'eth3'], ipv6: [] });
  assert.equal((await events('kernel-sources')).length, 1);
  assert.match(await metrics(), /^egress_kernel_forwarding 1$/m);
});

test('with the sysctls of the override nothing arrives, and the log has nothing to say of it', async () => {
  await startSidecar(shipped);
  await sendFrames('shipped');
  assert.deepEqual(await leaks('shipped'), []);
  assert.deepEqual(await events('kernel-forwarding'), []);
  assert.match(await metrics(), /^egress_kernel_forwarding 0$/m);
});

test('IPv6 alike: routed where forwarding is on, and not with the sysctls of the override', async () => {
  await startSidecar(['net.ipv6.conf.all.forwarding=1', 'net.ipv4.ip_forward=0']);
  // The first frames find a neighbour cache that is still empty.
  await until('the frames arrive', async () => {
    await sendFrames6('6 on');
    return (await leaks('6 on')).join() === 'backend,internet';
  });
  const [line] = await events('kernel-forwarding');
  assert.deepEqual(line?.interfaces, { ipv4: [], ipv6: ['eth0', 'eth1', 'eth2', 'eth3'] });
  await startSidecar(shipped);
  await sendFrames6('6 shipped');
  assert.deepEqual(await leaks('6 shipped'), []);
});

test('probe sends one such frame from a seat with CAP_NET_RAW, and says what it means', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'probe-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const seen = async (
    ...options: string[]
  ): Promise<{ state: string; saw: string; tried: string; remedy: string }[]> => {
    const seat = ['run', '--rm', '--network', NET.tools, '-e', `HTTP_PROXY=http://${SIDECAR}:3128`, ...options];
    const { stdout, stderr } = await tryDocker(seat);
    assert.ok(stdout.startsWith('{'), stderr);
    return JSON.parse(stdout).findings.filter(({ area }: { area: string }) => area === 'forwarding');
  };
  const here = [
    '-v',
    `${folder}/dist:/app/dist:ro`,
    '-v',
    `${folder}/package.json:/app/package.json:ro`,
    'mcp-egress-demo',
  ];
  const command = ['node', '/app/dist/proxy/main.js', 'probe', '--json', '--public', `${PREFIX.internet}.99:80`];
  for (const [sysctls, state] of [
    [['net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1'], 'open'],
    [shipped, 'closed'],
  ] as const) {
    await startSidecar(sysctls);
    for (const name of ['dist', 'package.json']) await docker(['cp', `${SIDECAR}:/app/${name}`, folder]);
    const findings = await seen(...here, ...command);
    assert.deepEqual(new Set(findings.map((finding) => finding.state)), new Set([state]), JSON.stringify(findings));
    assert.equal(findings.length, 2, 'IPv4 and IPv6');
    if (state === 'open') assert.match(findings[0]?.remedy ?? '', /net\.ipv4\.ip_forward/);
    assert.deepEqual(await seen('--cap-drop', 'NET_RAW', ...here, ...command), [], 'without the capability');
  }
  const [bare] = await seen(
    '--user',
    '0',
    'mcp-egress-proxy',
    'probe',
    '--json',
    '--public',
    `${PREFIX.internet}.99:80`,
  );
  assert.equal(bare?.state, 'skipped', 'the image has no program that could send it');
  assert.match(bare?.saw ?? '', /kernel-forwarding/);
});

test('probe tries the addresses of the host by the proxy', async () => {
  const probe = async (): Promise<string[]> => {
    const seat = [
      'run',
      '--rm',
      '--cap-drop',
      'ALL',
      '--network',
      NET.tools,
      '-e',
      `HTTP_PROXY=http://${SIDECAR}:3128`,
    ];
    const options = ['probe', '--json', '--public', `${PREFIX.internet}.99:80`, '--host', `${PREFIX.internet}.1`];
    const { stdout } = await tryDocker([...seat, 'mcp-egress-proxy', ...options]);
    const findings: { area: string; state: string }[] = JSON.parse(stdout).findings;
    return findings.filter(({ area }) => area === 'host-by-proxy').map(({ state }) => state);
  };
  await startSidecar(shipped);
  assert.deepEqual(await probe(), ['open', 'open', 'open', 'open'], 'a public address, for all that the proxy knows');
  await startSidecar(shipped, `EGRESS_HOST_ADDRESSES=gateway,${PREFIX.internet}.1`);
  assert.deepEqual(await probe(), ['closed', 'closed', 'closed', 'closed']);
});

test('the DNS door sends nothing to the source of a forged query, whatever the sysctls are', async () => {
  for (const sysctls of [['net.ipv4.ip_forward=1'], shipped]) {
    await startSidecar(sysctls);
    const { mac, address } = await placeOf(SIDECAR, NET.tools);
    const [site, service] = await Promise.all([place('internet'), place('backend')]);
    const neighbour = await place('neighbour');
    const forged = [site.address, service.address, `${PREFIX.egress}.1`, '203.0.113.7', '127.0.0.1', address];
    const query = (source: string): Frame => {
      return { to: mac, source, sourcePort: PORT, destination: address, port: 53, hex: QUESTION };
    };
    const count = (await heard(HEARERS.neighbour)).length;
    await send(NET.tools, [...forged, neighbour.address].map(query), HEARERS.neighbour);
    const answers = (list: { payload: string }[]): number =>
      list.filter(({ payload }) => payload.includes('secret')).length;
    for (const name of ['internet', 'backend', 'host'] as const)
      assert.equal(answers(await heard(HEARERS[name])), 0, name);
    assert.ok((await heard(HEARERS.neighbour)).length > count, 'a neighbour is answered');
    assert.ok(answers(await heard(HEARERS.neighbour)) > 0, 'a neighbour is answered');
    if (sysctls !== shipped) assert.match(await metrics(), /^egress_dns_door_dropped_total [1-9]/m);
    const decisions = (await docker(['logs', SIDECAR])).split('\n').filter((line) => line.includes('"decision"'));
    assert.ok(
      decisions.every((line) => !forged.some((source) => line.includes(`"address":"${source}"`))),
      'no record',
    );
  }
});

function subnet6(name: keyof typeof NET): string {
  return `fd00:231:${PREFIX[name].split('.').at(-1)}::/64`;
}

/** What the override sets, as Compose reads it. */
async function shippedSysctls(): Promise<string[]> {
  const { services } = JSON.parse(await compose(['config', '--format', 'json']));
  const sysctls: Record<string, string> = services['egress-proxy'].sysctls;
  return Object.entries(sysctls).map(([name, value]) => `${name}=${value}`);
}

async function startSidecar(sysctls: readonly string[], ...variables: string[]): Promise<void> {
  await tryDocker(['rm', '-f', SIDECAR]);
  const env = ['EGRESS_STEER_DNS=0.0.0.0:53', ...variables].flatMap((variable) => ['-e', variable]);
  const options = sysctls.flatMap((setting) => ['--sysctl', setting]);
  await docker(['create', '--name', SIDECAR, '--network', NET.tools, ...options, ...env, 'mcp-egress-proxy']);
  for (const name of ['backend', 'internet', 'egress'] as const)
    await docker(['network', 'connect', NET[name], SIDECAR]);
  await docker(['start', SIDECAR]);
  await until('the sidecar is ready', async () => (await docker(['logs', SIDECAR])).includes('"listening"'));
}

function place(name: (keyof typeof HEARERS & keyof typeof NET) | 'neighbour') {
  return placeOf(HEARERS[name], name === 'neighbour' ? NET.tools : NET[name]);
}

/** The source is one of the destination's own network, so that nobody on the way takes it for a foreign one. */
async function sendFrames(run: string): Promise<void> {
  const { mac } = await placeOf(SIDECAR, NET.tools);
  const [site, service] = await Promise.all([place('internet'), place('backend')]);
  const frame = (what: string, source: string, destination: string): Frame => {
    return { to: mac, source, destination, port: PORT, payload: `${run}: ${what}` };
  };
  const frames = [
    frame('backend', `${PREFIX.backend}.77`, service.address),
    frame('internet', `${PREFIX.internet}.77`, site.address),
    frame('internet, own source', `${PREFIX.tools}.77`, site.address),
    { ...frame('internet, with a VLAN tag', `${PREFIX.internet}.77`, site.address), tag: true },
    frame('host by its bridge', `${PREFIX.egress}.77`, `${PREFIX.egress}.1`),
  ];
  await send(NET.tools, frames, HEARERS.neighbour);
}

async function sendFrames6(run: string): Promise<void> {
  const { mac, ipv6 } = await placeOf(SIDECAR, NET.tools);
  const [site, service] = await Promise.all([place('internet'), place('backend')]);
  const frame = (what: string, source: string, destination: string): Frame => {
    return { to: mac, source, destination, port: PORT, payload: `${run}: ${what}` };
  };
  const frames = [
    frame('internet', ipv6.replace(/[0-9a-f]+$/, '77'), site.ipv6),
    frame('backend', service.ipv6.replace(/[0-9a-f]+$/, '77'), service.ipv6),
  ];
  const last = await placeOf(HEARERS.neighbour, NET.tools);
  await send(
    NET.tools,
    [{ ...frame('neighbour', `${PREFIX.tools}.77`, last.address), to: last.mac }, ...frames],
    HEARERS.neighbour,
  );
}

/** What of a run has come to where it must not. */
async function leaks(run: string): Promise<string[]> {
  const lists = await Promise.all([HEARERS.backend, HEARERS.internet, HEARERS.host].map(heard));
  const payloads = lists.flat().map(({ payload }) => payload);
  return [
    ...new Set(payloads.filter((text) => text.startsWith(`${run}: `)).map((text) => text.slice(run.length + 2))),
  ].sort();
}

async function events(name: string): Promise<Record<string, unknown>[]> {
  const lines = (await docker(['logs', SIDECAR])).split('\n').filter((line) => line.includes(`"event":"${name}"`));
  return lines.map((line) => JSON.parse(line));
}

/** The admin API listens on loopback in the container. */
function metrics(): Promise<string> {
  const read = "fetch('http://127.0.0.1:9180/metrics').then((r) => r.text()).then((t) => process.stdout.write(t))";
  return docker(['exec', SIDECAR, 'node', '-e', read]);
}
