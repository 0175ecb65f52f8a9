/** What the rendered manifest does on the network: two replicas behind their Service, a tool, and the policies in force. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { Cluster, type Running } from './cluster.js';
import { engineRules } from './policy-engine.js';
import {
  API_SERVER,
  DNS_SERVICE,
  DUAL_STACK,
  GATEWAY6,
  GATEWAYS,
  type Gateway,
  PODS,
  PUBLIC,
  rendered,
  WORLD,
} from './seats.js';

const { clusterIp, service, readiness } = rendered;
const SITE = 'site.example';
const SITE6 = 'six.example';

/** The rendered configuration, closed: one name for one client, which is known by its address. */
const POLICY = rendered.policyText({
  policy: {
    default: 'none',
    allow: [SITE, SITE6].map((host) => ({ host, ports: [80, 443], clients: ['github', 'github6'] })),
  },
  clients: ['github', 'github6'].map((name, i) => ({ name, address: PODS.tool[i] })),
  dns: { servers: [DNS_SERVICE[0]] },
  ...DUAL_STACK,
});

const NAMES = { [SITE]: PUBLIC[0], [SITE6]: PUBLIC[1], 'other.example': PUBLIC[0] };

let cluster: Cluster;
const gateways = new Map<Gateway, Running>();
before(async () => {
  cluster = new Cluster();
  await cluster.script('dns', 'names.js', { names: NAMES });
  await cluster.script('public', 'origin.js', {});
  await cluster.script('node', '../netns/responder.js', { tcp: [10250, 6443], udp: [] });
  await cluster.script('neighbour', '../netns/responder.js', { tcp: [8000], udp: [] });
  for (const seat of ['gw1', 'gw2'] as const) gateways.set(seat, await cluster.serve(seat, POLICY));
  for (const address of [clusterIp, GATEWAY6]) cluster.endpoints(address, service, ['gw1', 'gw2']);
  cluster.filter(engineRules(rendered.policies, WORLD));
});
after(() => cluster.close());

/** What a program in the tool's pod prints, with the nameserver of the manifest. */
async function inTool(script: string, nameserver: string = clusterIp): Promise<string> {
  const { stdout, stderr } = await cluster.asTool({ nameserver }, {}, [
    process.execPath,
    '--input-type=module',
    '-e',
    script,
  ]);
  return stdout === '' ? stderr : stdout;
}

/** The door answers with both addresses of the Service: `family` takes one of them. */
const GET = (url: string, family: 4 | 6): string => `
  import http from 'node:http';
  http.get('${url}', { agent: false, family: ${family} }, (response) => {
    let text = response.statusCode + ' ';
    response.on('data', (piece) => (text += piece));
    response.on('end', () => console.log(text));
  }).on('error', (error) => console.log(error.code));`;

/** As the host of a URL. */
function bracketed(address: string): string {
  return address.includes(':') ? `[${address}]` : address;
}

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
  for (let i = 0; i < 4; i++) assert.equal(await inTool(GET(`http://${SITE}/`, 4)), `200 origin ${SITE}\n`);
  assert.equal(await inTool(GET('http://other.example/', 4)), 'ENOTFOUND\n');
});

test('by the IPv6 address of the Service it is steered as well, and gets to IPv6 destinations by either', async () => {
  for (let i = 0; i < 2; i++) assert.equal(await inTool(GET(`http://${SITE}/`, 6), GATEWAY6), `200 origin ${SITE}\n`);
  for (const family of [4, 6] as const)
    assert.equal(await inTool(GET(`http://${SITE6}/`, family)), `200 origin ${SITE6}\n`);
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
  const seen = await decisions(
    ({ outcome, door, host }) => outcome === 'allow' && door === 'steer-http' && host === SITE,
  );
  assert.deepEqual(
    [...new Set(seen.map(({ client }) => JSON.stringify(client)))].sort(),
    PODS.tool.map((address, i) => JSON.stringify({ address, name: ['github', 'github6'][i] })),
  );
  assert.deepEqual([...new Set(seen.map(({ instance }) => instance))].sort(), ['egress-proxy-gw1', 'egress-proxy-gw2']);
  assert.equal(new Set(seen.map(({ id }) => id)).size, seen.length);
});

test('the gateway refuses the cluster: the API server, its own Service and pods', async () => {
  for (const [target, reason] of [
    [`http://${API_SERVER[0]}:443/`, 'address-prohibited'],
    [`http://[${API_SERVER[1]}]:443/`, 'address-prohibited'],
    [`http://${clusterIp}:3128/`, 'own-listener'],
    [`http://[${GATEWAY6}]:3128/`, 'own-listener'],
    ...PODS.neighbour.map((pod) => [`http://${bracketed(pod)}:8000/`, 'address-prohibited'] as const),
    ...PODS.gw2.map((pod) => [`http://${bracketed(pod)}:9181/metrics`, ''] as const),
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

test('the metrics of the gateway are for the node and not for a tool', async () => {
  for (const pod of PODS.gw1) {
    const script = `
      import net from 'node:net';
      const socket = net.connect(${readiness.port}, '${pod}', () => (console.log('open'), socket.destroy()));
      socket.setTimeout(1500, () => (console.log('closed'), socket.destroy()));`;
    assert.equal(await inTool(script), 'closed\n');
  }
});

test('a rolling update of both replicas under 20 new connections a second loses none', {
  timeout: 600_000,
}, async (t) => {
  const kubelet = cluster.talk('node', 'kubelet.js', {
    pods: GATEWAYS.map((seat) => PODS[seat][0]),
    path: readiness.path,
    port: readiness.port,
    periodMs: readiness.periodSeconds * 1000,
  });
  const becomes = async (seat: Gateway, ready: boolean, since: number): Promise<void> => {
    const text = JSON.stringify({ pod: PODS[seat][0], ready });
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
    cluster.endpoints(clusterIp, service, [old, other, next]);
    since = kubelet.lines.length;
    const ended = once(gateways.get(old)?.child ?? assert.fail(old), 'exit');
    gateways.get(old)?.child.kill('SIGTERM');
    await becomes(old, false, since);
    cluster.endpoints(clusterIp, service, [other, next]);
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
