/** What the rendered manifest does on the network: two replicas behind their Service, a tool, and the policies in force. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { API_SERVER, Cluster, DNS_SERVICE, type Gateway, NODE, PODS, PUBLIC, type Running } from './cluster.js';
import { engineRules, NO_ENGINE, type World } from './policy-engine.js';
import { readRendered } from './rendered.js';

const rendered = readRendered();
const { clusterIp, service, toolsNamespace, readiness } = rendered;
const GATEWAYS = ['gw1', 'gw2', 'gw3'] as const;
const SITE = 'site.example';

const WORLD: World = {
  namespaces: {
    [toolsNamespace.name]: { 'kubernetes.io/metadata.name': toolsNamespace.name, ...toolsNamespace.labels },
    egress: { 'kubernetes.io/metadata.name': 'egress' },
    'kube-system': { 'kubernetes.io/metadata.name': 'kube-system' },
  },
  pods: [
    { address: PODS.tool, namespace: toolsNamespace.name, labels: { app: 'github' } },
    { address: PODS.neighbour, namespace: toolsNamespace.name, labels: { app: 'slack' } },
    ...GATEWAYS.map((seat) => ({ address: PODS[seat], namespace: 'egress', labels: rendered.gatewayLabels })),
    { address: PODS.dns, namespace: 'kube-system', labels: { 'k8s-app': 'kube-dns' } },
  ],
};

/** The rendered configuration, closed: one name for one client, which is known by its address. */
const POLICY = rendered.policyText({
  policy: { default: 'none', allow: [{ host: SITE, ports: [80, 443], clients: ['github'] }] },
  clients: [{ name: 'github', address: `${PODS.tool}/32` }],
  dns: { servers: [DNS_SERVICE] },
});
const ENV = { ...rendered.clientEnv, KUBERNETES_SERVICE_HOST: API_SERVER, EGRESS_PROBE_NODE: NODE };

let cluster: Cluster;
const gateways = new Map<Gateway, Running>();
before(async () => {
  cluster = new Cluster();
  await cluster.script('dns', 'names.js', { address: PODS.dns, names: { [SITE]: PUBLIC, 'other.example': PUBLIC } });
  await cluster.script('public', 'origin.js', {});
  await cluster.script('node', '../netns/responder.js', { tcp: [10250, 9100, 6443], udp: [] });
  await cluster.script('neighbour', '../netns/responder.js', { tcp: [8000], udp: [] });
  for (const seat of ['gw1', 'gw2'] as const) gateways.set(seat, await cluster.serve(seat, POLICY));
  cluster.endpoints(clusterIp, service, [PODS.gw1, PODS.gw2]);
  cluster.filter(engineRules(rendered.policies, WORLD));
});
after(() => cluster.close());

/** What a program in the tool's pod prints, with the nameserver and, perhaps, the variables of the manifest. */
async function inTool(script: string, env: Readonly<Record<string, string>> = {}): Promise<string> {
  const { stdout, stderr } = await cluster.asTool(clusterIp, env, [
    process.execPath,
    '--input-type=module',
    '-e',
    script,
  ]);
  return stdout === '' ? stderr : stdout;
}

const GET = (url: string): string => `
  import http from 'node:http';
  http.get('${url}', { agent: false }, (response) => {
    let text = response.statusCode + ' ';
    response.on('data', (piece) => (text += piece));
    response.on('end', () => console.log(text));
  }).on('error', (error) => console.log(error.code));`;

/** The decisions that are so, of both gateways, as soon as each of them has written one. */
async function decisions(isIt: (record: Decision) => boolean): Promise<readonly Decision[]> {
  const of = ({ lines }: Running) =>
    lines.map((line): Decision => JSON.parse(line)).filter((record) => record.event === 'decision' && isIt(record));
  const serving = (['gw1', 'gw2'] as const).map((seat) => gateways.get(seat) ?? assert.fail(seat));
  await Promise.all(
    serving.map((gateway) => gateway.line((line) => JSON.parse(line).event === 'decision' && isIt(JSON.parse(line)))),
  );
  return serving.flatMap(of);
}

interface Decision {
  readonly event: string;
  readonly id: string;
  readonly instance: string;
  readonly outcome: string;
  readonly door: string;
  readonly host: string;
  readonly client: { readonly address: string; readonly name: string | null };
}

test('a program that knows no proxy is steered by the default ports of the Service, with default none', async () => {
  for (let i = 0; i < 4; i++) assert.equal(await inTool(GET(`http://${SITE}/`)), `200 origin ${SITE}\n`);
  assert.equal(await inTool(GET('http://other.example/')), 'ENOTFOUND\n');
});

test('the names of the gateway exist for it, and what a search list makes does not, without a record', async () => {
  const lookUp = (name: string): Promise<string> =>
    inTool(
      `import dns from 'node:dns/promises'; console.log((await dns.resolve4('${name}').catch((e) => [e.code])).join());`,
    );
  assert.equal(await lookUp('egress-proxy.egress.svc.cluster.local'), `${clusterIp}\n`);
  assert.equal(await lookUp(SITE), `${clusterIp}\n`);
  for (let i = 0; i < 4; i++) assert.equal(await lookUp(`${SITE}.tools.svc.cluster.local`), 'ENOTFOUND\n');
  // What both have written since: a record of before would be there as well.
  for (let i = 0; i < 4; i++) assert.equal(await lookUp('marker.example'), 'ENOTFOUND\n');
  await decisions(({ host }) => host === 'marker.example');
  const lines = [...gateways.values()].flatMap((gateway) => gateway.lines);
  assert.ok(!lines.some((line) => line.includes('svc.cluster.local') && line.includes('"event":"decision"')));
});

test('both replicas see the address of the tool, know its name by it, and say which of them they are', async () => {
  const seen = await decisions(({ outcome, door }) => outcome === 'allow' && door === 'steer-http');
  assert.deepEqual(
    [...new Set(seen.map(({ client }) => JSON.stringify(client)))],
    [JSON.stringify({ address: PODS.tool, name: 'github' })],
  );
  assert.deepEqual([...new Set(seen.map(({ instance }) => instance))].sort(), ['egress-proxy-gw1', 'egress-proxy-gw2']);
  assert.equal(new Set(seen.map(({ id }) => id)).size, seen.length);
});

test('the gateway refuses the cluster: the API server, its own Service and pods', async () => {
  for (const [target, reason] of [
    [`http://${API_SERVER}:443/`, 'address-prohibited'],
    [`http://${clusterIp}:3128/`, 'own-listener'],
    [`http://${PODS.neighbour}:8000/`, 'address-prohibited'],
    [`http://${PODS.gw2}:9181/metrics`, ''],
  ] as const) {
    const { hostname, port } = new URL(rendered.clientEnv.HTTP_PROXY ?? '');
    const answer = await inTool(`
      import http from 'node:http';
      http.get({ host: '${hostname}', port: ${port}, path: '${target}', headers: { host: '${new URL(target).host}' }, agent: false }, (response) => {
        let text = response.statusCode + ' ';
        response.on('data', (piece) => (text += piece));
        response.on('end', () => console.log(text));
      });`);
    assert.match(answer, new RegExp(`^403 .*"reason":"${reason}`), target);
  }
});

test('with the rendered policies, nothing is open but the proxy', async () => {
  const { status, found, findings } = await cluster.probe(clusterIp, ENV);
  assert.deepEqual([found, status], [[], 0]);
  assert.ok(findings.some(({ area, state }) => area === 'proxy' && state === 'ok'));
  assert.ok(findings.filter(({ state }) => state === 'closed').length > 30);
});

test('the metrics of the gateway are for the node and not for a tool', async () => {
  const url = `http://${PODS.gw1}:${readiness.port}/metrics`;
  const script = `fetch('${url}', { signal: AbortSignal.timeout(1500) }).then((r) => console.log(r.status), () => console.log('closed'));`;
  assert.equal(await inTool(script), 'closed\n');
});

test('without the policies, the probe finds every way out', async () => {
  cluster.filter(NO_ENGINE);
  const { status, found } = await cluster.probe(clusterIp, ENV);
  cluster.filter(engineRules(rendered.policies, WORLD));
  assert.equal(status, 1);
  for (const way of [
    `node: tcp ${NODE}:10250`,
    `node: tcp ${NODE}:9100`,
    `api-server: tcp ${API_SERVER}:443`,
    `kube-dns: udp ${DNS_SERVICE}:53 (dns)`,
    `kube-dns: tcp ${DNS_SERVICE}:53`,
    `pods: tcp ${PODS.neighbour}:9`,
    `public: tcp ${PUBLIC}:443`,
  ])
    assert.ok(found.includes(way), `${way} in ${found.join(', ')}`);
});

test('of the two policies, the one for tools is what closes their ways out', async () => {
  const others = rendered.policies.filter(({ metadata }) => metadata.namespace !== toolsNamespace.name);
  cluster.filter(engineRules(others, WORLD));
  const { status, found } = await cluster.probe(clusterIp, ENV);
  cluster.filter(engineRules(rendered.policies, WORLD));
  assert.equal(status, 1);
  assert.ok(found.includes(`public: tcp ${PUBLIC}:443`), found.join(', '));
});

test('a rolling update of both replicas under 20 new connections a second loses none', {
  timeout: 180_000,
}, async (t) => {
  const kubelet = cluster.talk('node', 'kubelet.js', {
    pods: GATEWAYS.map((seat) => PODS[seat]),
    path: readiness.path,
    port: readiness.port,
    periodMs: readiness.periodSeconds * 1000,
  });
  const becomes = async (seat: Gateway, ready: boolean, since: number): Promise<void> => {
    const text = JSON.stringify({ pod: PODS[seat], ready });
    await kubelet.line((line) => line === text && kubelet.lines.lastIndexOf(text) >= since);
  };
  for (const seat of ['gw1', 'gw2'] as const) await becomes(seat, true, 0);
  const { hostname, port } = new URL(rendered.clientEnv.HTTP_PROXY ?? '');
  const settings = { proxy: { host: hostname, port: Number(port) }, url: `http://${SITE}/`, everyMs: 50 };
  const load = await cluster.script('tool', 'load.js', settings);

  const replace = async (old: Gateway, next: Gateway, other: Gateway): Promise<void> => {
    let since = kubelet.lines.length;
    gateways.set(next, await cluster.serve(next, POLICY));
    await becomes(next, true, since);
    cluster.endpoints(clusterIp, service, [PODS[old], PODS[other], PODS[next]]);
    since = kubelet.lines.length;
    const ended = once(gateways.get(old)?.child ?? assert.fail(old), 'exit');
    gateways.get(old)?.child.kill('SIGTERM');
    await becomes(old, false, since);
    cluster.endpoints(clusterIp, service, [PODS[other], PODS[next]]);
    assert.deepEqual(await ended, [0, null], `${old} ended cleanly`);
  };
  await replace('gw1', 'gw3', 'gw2');
  await replace('gw2', 'gw1', 'gw3');

  load.child.stdin?.end();
  const { sent, lost } = JSON.parse(await load.line((line) => line.startsWith('{')));
  t.diagnostic(`${sent} connections, lost: ${JSON.stringify(lost)}`);
  assert.deepEqual(lost, {}, `of ${sent} connections`);
  assert.ok(sent > 200, `${sent} connections`);
});
