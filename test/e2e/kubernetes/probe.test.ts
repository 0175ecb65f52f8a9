/** The probe in a pod: quiet where the rendered policies are enforced, however it is enforced, and loud where it is not. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Cluster } from './cluster.js';
import { type Enforcement, engineRules, NO_ENGINE } from './policy-engine.js';
import type { NetworkPolicy } from './rendered.js';
import {
  API_SERVER,
  DNS_SERVICE,
  DUAL_STACK,
  GATEWAY6,
  NODE,
  PODS,
  PUBLIC,
  rendered,
  TOOL_ENV,
  TOOLS,
  WORLD,
} from './seats.js';

const { clusterIp, service, policies } = rendered;

let cluster: Cluster;
before(async () => {
  cluster = new Cluster();
  await cluster.script('node', '../netns/responder.js', { tcp: [10250, 9100, 6443], udp: [] });
  await cluster.script('dns', 'names.js', { names: {} });
  await cluster.script('public', '../netns/responder.js', { tcp: [443], udp: [] });
  await cluster.serve('gw1', rendered.policyText({ policy: { default: 'none' }, ...DUAL_STACK }));
  for (const address of [clusterIp, GATEWAY6]) cluster.endpoints(address, service, ['gw1']);
});
after(() => cluster.close());

const CLOSED = { refuse: 'drop', node: 'closed' } as const;

/** `null`: policies are objects and nothing else. */
async function probe(
  enforcement: Enforcement | null,
  {
    others = [],
    token = '',
    of = policies,
  }: { others?: NetworkPolicy[]; token?: string; of?: readonly NetworkPolicy[] } = {},
) {
  cluster.filter(enforcement === null ? NO_ENGINE : engineRules([...of, ...others], WORLD, enforcement));
  return cluster.probe({ nameserver: clusterIp, token }, TOOL_ENV);
}

/** Of the ways in `found`, those that are missing. */
const missing = (found: readonly string[], ways: readonly string[]) => ways.filter((way) => !found.includes(way));

for (const refuse of ['drop', 'reject'] as const) {
  test(`where an engine enforces the rendered policies by ${refuse}, nothing is open but the proxy`, async () => {
    const { status, findings, found } = await probe({ refuse, node: 'closed' });
    assert.deepEqual([found, status], [[], 0]);
    const states = (area: string) => new Set(findings.flatMap((one) => (one.area === area ? [one.state] : [])));
    assert.deepEqual(states('proxy'), new Set(['ok']));
    for (const area of ['node', 'api-server', 'kube-dns', 'pods', 'public', 'ipv6', 'names'])
      assert.deepEqual(states(area), new Set(['closed']), area);
    const names = findings.find(({ area }) => area === 'names');
    assert.match(names?.saw ?? '', /leads to the proxy/);
  });
}

test('where nothing enforces the policy, each way out is found, in both families, and the probe fails', async () => {
  const { status, found } = await probe(null);
  assert.equal(status, 1);
  const ways = [
    ...[NODE[0], `[${NODE[1]}]`, '[fe80::1%eth0]'].map((node) => `node: tcp ${node}:10250`),
    `node: tcp ${NODE[0]}:9100`,
    `node: tcp ${NODE[0]}:30000`,
    `node: tcp [${NODE[1]}]:30000`,
    `api-server: tcp ${API_SERVER[0]}:443`,
    `kube-dns: udp ${DNS_SERVICE[0]}:53 (dns)`,
    `kube-dns: tcp ${DNS_SERVICE[0]}:53`,
    `kube-dns: udp [${DNS_SERVICE[1]}]:53 (dns)`,
    `kube-dns: tcp [${DNS_SERVICE[1]}]:53`,
    `pods: tcp ${PODS.neighbour[0]}:9`,
    `pods: tcp [${PODS.neighbour[1]}]:9`,
    `public: tcp ${PUBLIC[0]}:443`,
    'ipv6: tcp [2606:4700:4700::1111]:443',
  ];
  assert.deepEqual(missing(found, ways), [], found.join(', '));
});

test('of the two policies, the one for tools is what closes their ways out', async () => {
  const { status, found } = await probe(CLOSED, {
    of: policies.filter(({ metadata }) => metadata.namespace !== TOOLS),
  });
  assert.equal(status, 1);
  assert.deepEqual(missing(found, [`public: tcp ${PUBLIC[0]}:443`, 'ipv6: tcp [2606:4700:4700::1111]:443']), []);
});

test('an engine that looks at forwarded packets alone leaves the node open, and the API server with it', async () => {
  for (const refuse of ['drop', 'reject'] as const) {
    const { status, found } = await probe({ refuse, node: 'open' });
    assert.equal(status, 1);
    const ways = [...NODE.map((node) => `node: tcp ${node.includes(':') ? `[${node}]` : node}:10250`)];
    assert.deepEqual(missing(found, [...ways, `api-server: tcp ${API_SERVER[0]}:443`]), [], found.join());
    assert.deepEqual([...new Set(found.map((way) => way.split(':')[0]))].sort(), ['api-server', 'node']);
  }
});

test('an engine that knows pods by their addresses alone leaves the node open to a link-local one', async () => {
  const { status, found } = await probe({ ...CLOSED, by: 'address' });
  assert.equal(status, 1);
  assert.deepEqual(missing(found, ['node: tcp [fe80::1%eth0]:10250']), [], found.join());
  assert.ok(
    found.every((way) => way.startsWith('node: tcp [fe80::1%eth0]:')),
    found.join(),
  );
});

/** Policies add up: these are in half of all examples. */
const DNS_FOR_ALL: NetworkPolicy = {
  metadata: { name: 'allow-dns', namespace: TOOLS },
  spec: {
    podSelector: {},
    policyTypes: ['Egress'],
    egress: [
      {
        to: [
          {
            namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'kube-system' } },
            podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } },
          },
        ],
        ports: [
          { port: 53, protocol: 'UDP' },
          { port: 53, protocol: 'TCP' },
        ],
      },
    ],
  },
};
const AMONG_THEMSELVES: NetworkPolicy = {
  metadata: { name: 'allow-same-namespace', namespace: TOOLS },
  spec: {
    podSelector: {},
    policyTypes: ['Ingress', 'Egress'],
    ingress: [{ from: [{ podSelector: {} }] }],
    egress: [{ to: [{ podSelector: {} }] }],
  },
};

const TO_ALL_OF_IPV6: NetworkPolicy = {
  metadata: { name: 'allow-ipv6', namespace: TOOLS },
  spec: {
    podSelector: {},
    policyTypes: ['Egress'],
    egress: [{ to: [{ ipBlock: { cidr: '2000::/3' } }], ports: [{ protocol: 'TCP', port: 443 }] }],
  },
};

test('of each hole the probe finds that one alone', async () => {
  const kubeDns = await probe(CLOSED, { others: [DNS_FOR_ALL] });
  const six = `[${DNS_SERVICE[1]}]`;
  const dns = [DNS_SERVICE[0], six].flatMap((host) => [`kube-dns: udp ${host}:53 (dns)`, `kube-dns: tcp ${host}:53`]);
  assert.deepEqual(kubeDns.found.sort(), dns.sort());
  const pod = await probe(CLOSED, { others: [AMONG_THEMSELVES] });
  const neighbours = [PODS.neighbour[0], `[${PODS.neighbour[1]}]`];
  assert.deepEqual(
    pod.found,
    neighbours.flatMap((host) => [9, 22].map((port) => `pods: tcp ${host}:${port}`)),
  );
  const ipv6 = await probe(CLOSED, { others: [TO_ALL_OF_IPV6] });
  assert.deepEqual(ipv6.found, ['ipv6: tcp [2606:4700:4700::1111]:443']);
  const token = await probe(CLOSED, { token: 'x' });
  assert.deepEqual(token.found, ['service-account: /var/run/secrets/kubernetes.io/serviceaccount/token']);
  assert.deepEqual(
    [kubeDns, pod, ipv6, token].map(({ status }) => status),
    [1, 1, 1, 1],
  );
});
