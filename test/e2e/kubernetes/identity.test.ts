/** Clients by their pods, from the API server behind its Service to the record of a decision. */
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { test } from 'node:test';
import { type PodObject, podObject } from '../../kubernetes/fake-api-server.js';
import { Cluster } from './cluster.js';
import { engineRules } from './policy-engine.js';
import { API_SERVER, GATEWAY6, NODE, PODS, rendered, TOOLS, WORLD } from './seats.js';

const POLICY = `version: 1
listen: { proxy: "[::]:3128", admin: "127.0.0.1:9180" }
policy: { default: none, clients: required }
clients:
  - { name: github, pods: { namespace: tools, labels: { app: github } } }
  - { name: slack, pods: { namespace: tools, labels: { app: slack } } }
`;
const connectTo = (service: string): string => `
  const socket = require('node:net').connect(3128, '${service}');
  socket.end('CONNECT 169.254.169.254:80 HTTP/1.1\\r\\nHost: 169.254.169.254:80\\r\\n\\r\\n');
  socket.on('error', () => {}).resume();`;

interface Client {
  readonly address: string;
  readonly name: string | null;
}

test('a pod is the client whose labels it has, from the moment in which the API server says so, and nobody before and after', async (t) => {
  const cluster = new Cluster();
  t.after(() => cluster.close());
  const policies = rendered.policies.filter(({ metadata }) => metadata.namespace === TOOLS);
  cluster.filter(engineRules(policies, WORLD));
  for (const address of [rendered.clusterIp, GATEWAY6]) cluster.endpoints(address, rendered.service, ['gw1']);
  const api = cluster.talk('node', 'pod-api.js', { host: NODE[0], port: 6443, address: API_SERVER[0] });
  const account = await api.line((line) => line !== '');
  t.after(() => rmSync(account, { recursive: true, force: true }));
  const tell = (type: 'ADDED' | 'MODIFIED' | 'DELETED', told: PodObject): void =>
    void api.child.stdin?.write(`${JSON.stringify({ type, pod: told })}\n`);
  const pod = { name: 'github-1', ips: [...PODS.tool] };
  tell('ADDED', podObject(pod));
  tell('ADDED', podObject({ name: 'slack-1', ips: [...PODS.neighbour], labels: { app: 'slack' } }));
  const log = await cluster.serve('gw1', POLICY, account);
  const ask = async (seat: 'tool' | 'neighbour' | 'dns', service: string = rendered.clusterIp): Promise<Client> => {
    const before = log.lines.length;
    cluster.run(seat, [process.execPath, '-e', connectTo(service)]);
    const isNew = (line: string): boolean =>
      line.includes('"event":"decision"') && log.lines.lastIndexOf(line) >= before;
    return JSON.parse(await log.line(isNew)).client;
  };
  const askUntil = async (name: string | null): Promise<void> => {
    for (;;) {
      const client = await ask('tool');
      assert.equal(client.address, PODS.tool[0]);
      if (client.name === name) return;
    }
  };
  await askUntil('github');
  assert.deepEqual(await ask('tool', GATEWAY6), { address: PODS.tool[1], name: 'github' });
  assert.deepEqual(await ask('neighbour'), { address: PODS.neighbour[0], name: 'slack' });
  assert.deepEqual(await ask('dns'), { address: PODS.dns[0], name: null });
  tell('MODIFIED', podObject({ ...pod, labels: { app: 'slack' } }));
  await askUntil('slack');
  tell('MODIFIED', podObject({ ...pod, deleted: true }));
  await askUntil(null);
  tell('DELETED', podObject({ ...pod, deleted: true }));
  tell('ADDED', podObject({ ...pod, name: 'github-2' }));
  await askUntil('github');
});
