/** The probe in a pod: quiet where the rendered policies are enforced, however it is enforced, and loud where it is not. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { NetworkPolicy } from '../kubernetes/rendered.js';
import {
  API_SERVER,
  DNS_SERVICE,
  type Enforced,
  NODE,
  PODS,
  PodLab,
  PROXY_SERVICE,
  PUBLIC,
  RENDERED,
  TOOLS,
} from './pod-lab.js';

const PROXY = `http://${PROXY_SERVICE}:3128`;
const ENV = {
  KUBERNETES_SERVICE_HOST: API_SERVER,
  KUBERNETES_SERVICE_PORT: '443',
  EGRESS_PROBE_NODE: NODE,
  ...Object.fromEntries(['HTTP_PROXY', 'HTTPS_PROXY', 'http_proxy', 'https_proxy'].map((name) => [name, PROXY])),
  ...Object.fromEntries(['NO_PROXY', 'no_proxy'].map((name) => [name, 'localhost,127.0.0.1,::1'])),
};
const POLICY = `version: 1
listen: { proxy: "0.0.0.0:3128", admin: "127.0.0.1:9180" }
steer: { dns: "0.0.0.0:5353", http: "0.0.0.0:8080", tls: "0.0.0.0:8443", address: ${PROXY_SERVICE}, peers: ["10.244.0.0/16"] }
policy: { default: none }
`;

interface Finding {
  readonly area: string;
  readonly tried: string;
  readonly state: string;
  readonly saw: string;
}

let lab: PodLab;
before(async () => {
  lab = new PodLab();
  await lab.respond('node', [10250, 9100, 6443]);
  await lab.respond('dns', [53], [{ address: PODS.dns, port: 53 }]);
  await lab.respond('public', [443]);
  await lab.serve(POLICY);
});
after(() => lab.close());

function probe(enforcement: Enforced, mounts: { nameserver?: string; token?: string } = {}) {
  lab.enforce(enforcement);
  const { status, output } = lab.probe(ENV, { nameserver: PROXY_SERVICE, ...mounts });
  assert.ok(output.startsWith('{'), output);
  const { open, wrong, findings }: { open: number; wrong: number; findings: readonly Finding[] } = JSON.parse(output);
  const found = findings.filter(({ state }) => state === 'open' || state === 'wrong');
  assert.equal(found.length, open + wrong);
  return { status, findings, found: found.map(({ area, tried }) => `${area}: ${tried}`) };
}

for (const engine of ['drop', 'reject'] as const) {
  test(`where an engine enforces the rendered policies by ${engine}, nothing is open but the proxy`, () => {
    const { status, findings, found } = probe({ engine, node: 'closed' });
    assert.deepEqual([found, status], [[], 0]);
    const states = (area: string) => new Set(findings.flatMap((one) => (one.area === area ? [one.state] : [])));
    assert.deepEqual(states('proxy'), new Set(['ok']));
    for (const area of ['node', 'api-server', 'kube-dns', 'pods', 'public', 'names'])
      assert.deepEqual(states(area), new Set(['closed']), area);
    const names = findings.find(({ area }) => area === 'names');
    assert.match(names?.saw ?? '', /leads to the proxy/);
  });
}

test('where nothing enforces the policy, each way out is found and the probe fails', () => {
  const { status, found } = probe({ engine: 'absent', node: 'open' });
  assert.equal(status, 1);
  for (const way of [
    `node: tcp ${NODE}:10250`,
    `node: tcp ${NODE}:9100`,
    `node: tcp ${NODE}:30000`,
    `api-server: tcp ${API_SERVER}:443`,
    `kube-dns: udp ${DNS_SERVICE}:53 (dns)`,
    `kube-dns: tcp ${DNS_SERVICE}:53`,
    `pods: tcp ${PODS.neighbour}:9`,
    `public: tcp ${PUBLIC}:443`,
  ])
    assert.ok(found.includes(way), `${way} in ${found.join(', ')}`);
});

test('an engine that looks at forwarded packets alone leaves the node open, and the API server with it', () => {
  for (const engine of ['drop', 'reject'] as const) {
    const { status, found } = probe({ engine, node: 'open' });
    assert.equal(status, 1);
    assert.ok(
      found.includes(`node: tcp ${NODE}:10250`) && found.includes(`api-server: tcp ${API_SERVER}:443`),
      found.join(),
    );
    assert.deepEqual([...new Set(found.map((way) => way.split(':')[0]))].sort(), ['api-server', 'node']);
  }
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

test('of each hole the probe finds that one alone', () => {
  const kubeDns = probe({ engine: 'drop', node: 'closed', policies: [...RENDERED, DNS_FOR_ALL] });
  assert.deepEqual(kubeDns.found, [`kube-dns: udp ${DNS_SERVICE}:53 (dns)`, `kube-dns: tcp ${DNS_SERVICE}:53`]);
  const pod = probe({ engine: 'drop', node: 'closed', policies: [...RENDERED, AMONG_THEMSELVES] });
  assert.deepEqual(pod.found, [`pods: tcp ${PODS.neighbour}:9`, `pods: tcp ${PODS.neighbour}:22`]);
  const token = probe({ engine: 'drop', node: 'closed' }, { token: 'x' });
  assert.deepEqual(token.found, ['service-account: /var/run/secrets/kubernetes.io/serviceaccount/token']);
  assert.deepEqual([kubeDns.status, pod.status, token.status], [1, 1, 1]);
});
