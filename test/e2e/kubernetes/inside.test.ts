/** The ways into the cluster: names that lead there, the gateway itself if it erred, labels that are forged, other namespaces. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Cluster } from './cluster.js';
import { engineRules, NO_ENGINE, type World } from './policy-engine.js';
import {
  API_SERVER,
  DNS_SERVICE,
  DUAL_STACK,
  GATEWAY6,
  LOAD_BALANCER,
  NODE,
  PODS,
  PUBLIC,
  rendered,
  type Seat,
  TOOLS,
  WORLD,
} from './seats.js';

const { clusterIp, service } = rendered;
/** A Service without an address of its own, one that is another name, and names whose owner means no good. */
const LEADING_INSIDE: Readonly<Record<string, string>> = {
  'headless.tools.svc.cluster.local': PODS.neighbour[0],
  'headless6.tools.svc.cluster.local': PODS.neighbour[1],
  'external.tools.svc.cluster.local': 'headless.tools.svc.cluster.local',
  'mapped.example': '::ffff:10.244.1.9',
  'translated.example': '64:ff9b::10.244.1.9',
  'translated-metadata.example': '64:ff9b::169.254.169.254',
  'metadata.example': '169.254.169.254',
  'metadata6.example': 'fd00:ec2::254',
  'node.example': NODE[0],
  'node6.example': NODE[1],
  'api.example': API_SERVER[0],
  'api6.example': API_SERVER[1],
  'dns.example': DNS_SERVICE[0],
  'local-dns.example': '169.254.20.10',
  'gateway.example': clusterIp,
  'gateway6.example': GATEWAY6,
  'gateway-pod.example': PODS.gw1[0],
};
const BALANCED = { 'balanced.example': LOAD_BALANCER[0], 'balanced6.example': LOAD_BALANCER[1] };
const NAMES = { ...LEADING_INSIDE, ...BALANCED, 'site.example': PUBLIC[0] };
const POLICY = rendered.policyText({
  policy: { default: 'none', allow: Object.keys(NAMES).map((host) => ({ host, ports: [80, 443, 8000] })) },
  dns: { servers: [DNS_SERVICE[0]] },
  ...DUAL_STACK,
});

/** Without what the tools' own policy closes on their side. */
const FENCE = rendered.policies.filter(({ metadata }) => metadata.namespace !== TOOLS);

let cluster: Cluster;
before(async () => {
  cluster = new Cluster();
  await cluster.script('dns', 'names.js', { names: NAMES });
  await cluster.script('public', 'origin.js', {});
  await cluster.script('node', '../netns/responder.js', { tcp: [10250, 6443], udp: [] });
  await cluster.script('neighbour', 'origin.js', {});
  await cluster.script('neighbour', '../netns/responder.js', { tcp: [3128, 8000], udp: [] });
  await cluster.serve('gw1', POLICY);
  for (const address of [clusterIp, GATEWAY6]) cluster.endpoints(address, service, ['gw1']);
  enforce(rendered.policies);
});
after(() => cluster.close());

/** By refusals, so that a closed way does not have to be waited for. Null: nothing is enforced. */
function enforce(policies: typeof rendered.policies | null, world: World = WORLD): void {
  cluster.filter(policies === null ? NO_ENGINE : engineRules(policies, world, { refuse: 'reject', node: 'closed' }));
}

/** Those that answered. */
async function dial(seat: Seat, targets: readonly (readonly [string, number])[]): Promise<readonly string[]> {
  return JSON.parse(await cluster.talk(seat, 'dial.js', targets).line((line) => line.startsWith('[')));
}

async function ask(urls: readonly string[]): Promise<readonly (readonly [number, string])[]> {
  const proxy = { host: clusterIp, port: 3128 };
  return JSON.parse(await cluster.talk('tool', 'ask.js', { proxy, urls }).line((line) => line.startsWith('[')));
}

test('a name that is allowed and leads into the cluster is refused by its address, whatever kind of Service made it', async () => {
  const hosts = Object.keys(LEADING_INSIDE);
  const answers = await ask([...hosts, 'site.example'].map((host) => `http://${host}/`));
  assert.deepEqual(answers.at(-1), [200, 'origin site.example']);
  for (const [i, host] of hosts.entries()) {
    const [status, reason = ''] = answers[i] ?? [];
    assert.equal(status, 403, `${host}: ${reason}`);
    assert.match(reason, /^(?:address-prohibited|metadata-address|own-listener)$/, host);
  }
});

test('a LoadBalancer at a public address leads to a pod: the proxy cannot know, and the fence around it refuses the connection', async () => {
  const urls = Object.keys(BALANCED).map((host) => `http://${host}/`);
  enforce(null);
  for (const [status, said] of await ask(urls)) assert.equal(status, 200, said);
  enforce(FENCE);
  for (const [status, said] of await ask(urls)) assert.equal(status, 502, said);
});

test('a pod of a tool that has the labels of the gateway has neither its ways out nor its guests', async () => {
  const forged: World = {
    ...WORLD,
    pods: WORLD.pods.map((pod) => (pod.namespace === TOOLS ? { ...pod, labels: rendered.gatewayLabels } : pod)),
  };
  enforce(rendered.policies, forged);
  const ways = [...PUBLIC, ...API_SERVER].map((address) => [address, 443] as const);
  assert.deepEqual(await dial('tool', [...ways, ...PODS.neighbour.map((pod) => [pod, 3128] as const)]), []);
  assert.deepEqual(await dial('tool', [[clusterIp, 3128]]), [clusterIp]);
});

test('a pod of another namespace reaches no door, and a pod of a tool none but the doors', async () => {
  const elsewhere: World = {
    namespaces: { ...WORLD.namespaces, other: { 'kubernetes.io/metadata.name': 'other' } },
    pods: WORLD.pods.map((pod) => (pod.labels.app === 'slack' ? { ...pod, namespace: 'other' } : pod)),
  };
  enforce(rendered.policies, elsewhere);
  const doors = [3128, 1080, 5353, 8080, 8443, 9180, 9181];
  const all = [...PODS.gw1].flatMap((pod) => doors.map((port) => [pod, port] as const));
  assert.deepEqual(await dial('neighbour', all), []);
  for (const port of [9180, 9181])
    assert.deepEqual(
      await dial(
        'tool',
        PODS.gw1.map((pod) => [pod, port]),
      ),
      [],
    );
  for (const port of doors.slice(0, 5)) {
    const targets = PODS.gw1.map((pod) => [pod, port] as const);
    assert.deepEqual(await dial('tool', targets), [...PODS.gw1], String(port));
  }
});

/** What the gateway's pods would reach if the proxy erred. */
const INSIDE = [
  ...PODS.neighbour.map((address) => [address, 8000] as const),
  ...NODE.map((address) => [address, 10250] as const),
  ...[API_SERVER, LOAD_BALANCER].flat().map((address) => [address, 443] as const),
  ...['192.168.1.20', '169.254.169.254', '100.64.0.1', '198.18.0.1'].map((address) => [address, 443] as const),
  ...['fd00:ec2::254', 'fec0::1', '2002:a00:1::1', '2001:db8:f::1'].map((address) => [address, 443] as const),
  ...['64:ff9b::169.254.169.254', '64:ff9b::10.244.1.9'].map((address) => [address, 443] as const),
];
const OUTSIDE = [...PUBLIC, '64:ff9b::5.5.5.20'].map((address) => [address, 443] as const);

async function reached(policies: typeof rendered.policies | null): Promise<readonly string[]> {
  enforce(policies);
  return dial('gw1', [...INSIDE, ...OUTSIDE]);
}

const addressesOf = (targets: readonly (readonly [string, number])[]) => targets.map(([address]) => address);

test('the fence around the gateway holds without the proxy, in both families, where a LoadBalancer leads to a pod, and through NAT64', async () => {
  assert.deepEqual(await reached(null), addressesOf([...INSIDE, ...OUTSIDE]), 'without it all of them answer');
  assert.deepEqual(await reached(FENCE), addressesOf(OUTSIDE));
});

test('a hole for IPv6 alone in that fence is found', async () => {
  const whole = JSON.stringify(FENCE);
  const open = JSON.parse(whole.replace('"cidr":"2000::/3"', '"cidr":"::/0"'));
  assert.notEqual(JSON.stringify(open), whole);
  const found = (await reached(open)).filter((address) => !addressesOf(OUTSIDE).includes(address));
  const six = INSIDE.filter(([address]) => address.includes(':'));
  assert.deepEqual(
    found,
    addressesOf(six.filter(([address]) => !/^200[12]:/.test(address))),
    'what no exception names',
  );
});
