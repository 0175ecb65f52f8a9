import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decode, encode } from 'dns-packet';
import { parseAddress } from '../../proxy/core/address.js';
import { refusal } from '../../proxy/core/refusal.js';
import { answerQuery } from '../../proxy/dns/dns-answer.js';
import { readCluster } from '../../proxy/probe/cluster.js';
import { readSeat, type Seat } from '../../proxy/probe/container.js';
import { CONTROLS, controlNotes, rejectedKinds, withoutRejections } from '../../proxy/probe/control.js';
import { questionBytes } from '../../proxy/probe/dns.js';
import { judge, seatNotes } from '../../proxy/probe/judge.js';
import { planTries } from '../../proxy/probe/plan.js';
import { type Ask, seeQuery } from '../../proxy/probe/query.js';
import { hostAndPortText, type Observation, type Sight, type Try } from '../../proxy/probe/try.js';

const ENV = {
  KUBERNETES_SERVICE_HOST: '10.97.0.1',
  KUBERNETES_SERVICE_PORT: '443',
  EGRESS_PROBE_NODE: '172.30.0.2, fd00:30::2 not-an-address',
  HTTP_PROXY: 'http://10.97.0.250:3128',
};
const RESOLV = 'search tools.svc.corp.example svc.corp.example corp.example\nnameserver 10.97.0.250\noptions ndots:5\n';
const OPTIONS = { publicTargets: [], targets: [], zone: 'example.com' };

function podSeat(env: NodeJS.ProcessEnv = ENV, netmask = '255.255.255.255'): Seat {
  const eth0 = { address: '10.244.1.7', netmask, family: 'IPv4' as const, mac: '', internal: false, cidr: null };
  const routes = 'Iface\tDestination\tGateway\neth0\t00000000\t0101F40A\t0003\n';
  return readSeat(env, { eth0: [eth0] }, { routes, routes6: '', resolvConf: RESOLV, status: '' });
}

const tcpOf = (plan: readonly Try[], area: string): string[] =>
  plan.flatMap((each) => (each.area === area && each.way.kind === 'tcp' ? [hostAndPortText(each.way.to)] : []));

test('a pod knows its API server, its node and the domain of its cluster', () => {
  assert.deepEqual(readCluster(ENV, RESOLV), {
    apiServer: { host: '10.97.0.1', port: 443 },
    nodes: ['172.30.0.2', 'fd00:30::2'],
    domain: 'corp.example',
  });
  assert.equal(readCluster({ KUBERNETES_SERVICE_HOST: '10.97.0.1' }, '')?.domain, 'cluster.local');
  assert.equal(readCluster({ HTTP_PROXY: 'http://a:1' }, RESOLV), null);
});

test('the plan of a pod has the ways out that a cluster has, and never the proxy or the pod itself', () => {
  const plan = planTries(podSeat(), OPTIONS, () => 'r4nd0m');
  const node = tcpOf(plan, 'node');
  for (const host of ['172.30.0.2', '[fd00:30::2]', '10.244.1.1'])
    for (const port of [10250, 10255, 9100, 30000, 32767])
      assert.ok(node.includes(`${host}:${port}`), `${host}:${port}`);
  assert.deepEqual(tcpOf(plan, 'api-server'), ['10.97.0.1:443', 'kubernetes.default.svc.corp.example:443']);
  const dns = tcpOf(plan, 'kube-dns');
  for (const to of ['10.97.0.10:53', '10.96.0.10:53', '169.254.20.10:53', 'kube-dns.kube-system.svc.corp.example:53'])
    assert.ok(dns.includes(to), to);
  assert.deepEqual(tcpOf(plan, 'pods').slice(0, 2), ['10.244.1.5:9', '10.244.1.5:22']);
  const paths = plan.flatMap(({ way }) => (way.kind === 'socket-file' ? [way.path] : []));
  assert.ok(paths.includes('/var/run/secrets/kubernetes.io/serviceaccount/token'));
  const refused = plan.flatMap(({ way }) => (way.kind === 'request' ? [way.target] : []));
  for (const target of ['10.97.0.1:443', '172.30.0.2:10250', '[fd00:30::2]:10250']) assert.ok(refused.includes(target));
  const direct = plan.filter(({ area }) => ['node', 'api-server', 'kube-dns', 'pods'].includes(area));
  const hosts = direct.flatMap(({ way }) => (way.kind === 'tcp' || way.kind === 'udp' ? [way.to.host] : []));
  assert.ok(!hosts.includes('10.97.0.250') && !hosts.includes('10.244.1.7'));
  assert.ok(plan.length < 260, `a few packets each: ${plan.length}`);
});

test('a pod with two families is tried in both: next hops on the link, neighbours, and Services beside the one that it knows', () => {
  const eth0 = {
    address: '10.244.1.7',
    netmask: '255.255.255.255',
    family: 'IPv4' as const,
    mac: '',
    internal: false,
    cidr: '10.244.1.7/32',
  };
  const six = (address: string, bits: number) => ({
    ...{
      address,
      netmask: '',
      family: 'IPv6' as const,
      mac: '',
      internal: false,
      cidr: `${address}/${bits}`,
      scopeid: 0,
    },
  });
  const hop = (to: string) =>
    `${'0'.repeat(32)} 00 ${'0'.repeat(32)} 00 ${to} 00000400 00000001 00000000 00000003     eth0\n`;
  const routes6 = [`fe80${'0'.repeat(27)}1`, `${'0'.repeat(32)}`, `fd001024400010000${'0'.repeat(14)}1`]
    .map(hop)
    .join('');
  const resolvConf = 'nameserver fd00:10:97::250\n';
  const seat = readSeat(
    ENV,
    { eth0: [eth0, six('fd00:10:244:1::7', 64), six('fe80::42', 64)] },
    { routes: '', routes6, resolvConf, status: '' },
  );
  assert.deepEqual(seat.bridges, ['fd00:10:244:1::1', 'fe80::1%eth0', 'fd00:1024:4000:1000::1']);
  const plan = planTries(seat, OPTIONS, () => 'x');
  for (const host of ['fe80::1%eth0', 'fd00:10:244:1::1', 'fd00:30::2'])
    assert.ok(tcpOf(plan, 'node').includes(`[${host}]:10250`), host);
  const pods = tcpOf(plan, 'pods').filter((to) => to.startsWith('[') && to.endsWith(':9'));
  assert.deepEqual(
    pods,
    ['5', '6', '8', '9'].map((last) => `[fd00:10:244:1::${last}]:9`),
  );
  assert.ok(tcpOf(plan, 'api-server').includes('[fd00:10:97::1]:443'));
  for (const to of ['[fd00:10:97::a]:53', '[fd00:10:96::a]:53']) assert.ok(tcpOf(plan, 'kube-dns').includes(to), to);
});

test('a container of Docker is tried as before, and no address that nobody has is dialled there', () => {
  const docker = podSeat({ HTTP_PROXY: ENV.HTTP_PROXY }, '255.255.255.0');
  const plan = planTries(docker, OPTIONS, () => 'x');
  assert.equal(docker.cluster, null);
  for (const area of ['node', 'api-server', 'kube-dns', 'pods', 'service-account', 'control'])
    assert.ok(!plan.some((each) => each.area === area), area);
  assert.ok(tcpOf(plan, 'host').includes('10.244.1.1:8811'));
});

test('the first address of a network of one pod alone is no bridge', () => {
  assert.deepEqual(podSeat().bridges, ['10.244.1.1']);
});

const saw = (sight: Sight): Observation => ({ sight, detail: '' });
const tcp = (host: string): Try => ({ area: 'private', way: { kind: 'tcp', to: { host, port: 80 } } });
const udp = (host: string): Try => ({ area: 'dns', way: { kind: 'udp', to: { host, port: 53 }, protocol: 'dns' } });

test('where what cannot be there is refused, a refusal proves nothing, and an answer does', () => {
  const rejected = rejectedKinds(
    CONTROLS.map((each) => ({ each, saw: saw(each.way.kind === 'tcp' ? 'reset' : 'silent') })),
  );
  const state = (each: Try, sight: Sight) =>
    judge(each, withoutRejections(each, saw(sight), rejected), 'kubernetes').state;
  assert.equal(state(tcp('10.0.0.1'), 'reset'), 'closed');
  assert.equal(state(tcp('fd00::1'), 'reset'), 'closed');
  assert.equal(state(tcp('10.0.0.1'), 'answered'), 'open');
  assert.equal(state(udp('10.0.0.1'), 'reset'), 'open', 'UDP is not rejected');
  assert.equal(state({ area: 'proxy', way: { kind: 'tcp', to: { host: 'p', port: 1 } } }, 'reset'), 'wrong');
});

test('where what cannot be there is silent, a refusal is open; of one family it says nothing of the other', () => {
  const silent = rejectedKinds(CONTROLS.map((each) => ({ each, saw: saw('silent') })));
  assert.equal(judge(tcp('10.0.0.1'), withoutRejections(tcp('10.0.0.1'), saw('reset'), silent)).state, 'open');
  const only6 = rejectedKinds([{ each: tcp('2001:db8::1'), saw: saw('reset') }]);
  assert.deepEqual(withoutRejections(tcp('10.0.0.1'), saw('reset'), only6), saw('reset'));
});

test('something that answers for addresses that nobody has is reported, and closes nothing', () => {
  const answered = CONTROLS.map((each) => ({ each, saw: saw('answered') }));
  assert.deepEqual([...rejectedKinds(answered)], []);
  assert.deepEqual(
    controlNotes(answered).map(({ state }) => state),
    ['note'],
  );
  assert.deepEqual(controlNotes(CONTROLS.map((each) => ({ each, saw: saw('reset') }))), []);
});

test('in a pod every open way has advice of a cluster, and none of Docker', () => {
  const plan = planTries(podSeat(), { ...OPTIONS, targets: [{ host: 'a', port: 1 }] }, () => 'x');
  const findings = plan.flatMap((each) => {
    const open = judge(each, saw('answered'), 'kubernetes');
    return open.state === 'ok' ? [judge(each, saw('silent'), 'kubernetes')] : [open];
  });
  for (const { area, tried, meaning, remedy } of [...findings, ...seatNotes(podSeat(), ['1.1.1.1'])]) {
    assert.ok(meaning !== null && remedy !== null && remedy !== '', `${area} ${tried}`);
    assert.doesNotMatch(
      remedy,
      /docker (?!.*chart)|compose|networks:|cap_drop|inhibit_ipv4|Docker Engine/,
      `${area}: ${remedy}`,
    );
  }
  const of = (area: string): string => findings.find((finding) => finding.area === area)?.remedy ?? '';
  assert.match(of('public'), /NetworkPolic/);
  assert.match(of('names'), /dnsPolicy: None/);
  assert.match(of('service-account'), /automountServiceAccountToken: false/);
});

const DOOR = parseAddress('10.97.0.250');
const NAME = 'r4nd0m.example.com';

/** The door as it is, in front of a policy that refuses every name but those. */
function door(allowed: readonly string[]): Ask {
  return async ({ name, type }, read) => {
    const { response } = answerQuery(Buffer.from(questionBytes(name, type)), {
      addresses: DOOR === null ? [] : [DOOR],
      isAbsent: () => false,
      decideName: (asked) => (allowed.includes(asked) ? null : refusal('host-not-allowed')),
    });
    return response === null ? saw('silent') : read(response);
  };
}

/** A resolver that forwards. `soa`: whether it hands on who has the zone; `text`: what it says to TXT. */
function forwarder({ soa, text }: { readonly soa: boolean; readonly text: number }): Ask {
  return async ({ name, type }, read) => {
    const exists = name === 'a.root-servers.net';
    const flags = type === 'TXT' ? text : exists ? 0 : 3;
    const zone = { type: 'NS', name: 'example.com', data: 'ns.example.com' } as const;
    const reply = encode({
      type: 'response',
      id: 1,
      flags,
      questions: [{ type, name }],
      answers: exists && flags === 0 ? [{ type: 'A', name, ttl: 1, data: '198.41.0.4' }] : [],
      authorities: soa && flags === 3 ? [zone] : [],
    });
    assert.ok(decode(reply));
    return read(reply);
  };
}

test('our own door is no leak, whether it answers with its Service or refuses the name', async () => {
  const question = { server: '10.97.0.250', name: NAME, type: 'A' } as const;
  const sights = async (ask: Ask, doors: readonly string[]) => (await seeQuery(question, doors, ask)).sight;
  assert.equal(await sights(door([NAME]), ['10.97.0.250']), 'steered');
  assert.equal(await sights(door([NAME]), []), 'steered', 'the nameserver says its own address');
  assert.equal(await sights(door([]), []), 'steered', 'default: none');
  assert.equal(await sights(door(['a.root-servers.net']), []), 'steered');
  assert.equal((await seeQuery({ ...question, type: 'TXT' }, [], door([]))).sight, 'inside');
});

test('a resolver that forwards is a leak, however bare its answers are', async () => {
  const question = { server: '10.97.0.10', name: NAME, type: 'A' } as const;
  for (const soa of [true, false])
    for (const text of [0, 3, 5]) {
      const { sight } = await seeQuery(question, ['10.97.0.250'], forwarder({ soa, text }));
      assert.equal(sight, 'answered', JSON.stringify({ soa, text }));
    }
  const elsewhere: Ask = (asked, read) => door([NAME])(asked, read);
  assert.equal((await seeQuery(question, [], elsewhere)).sight, 'answered', 'the address of somebody else');
});
