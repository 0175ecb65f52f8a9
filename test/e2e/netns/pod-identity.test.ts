/** Clients by their pods, from the API server behind its Service to the record of a decision. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { podObject } from '../../kubernetes/fake-api-server.js';
import { find, type LogRecord, PODS, PodLab, PROXY_SERVICE, RENDERED, TOOLS } from './pod-lab.js';

const POLICY = `version: 1
listen: { proxy: "0.0.0.0:3128", admin: "127.0.0.1:9180" }
policy: { default: none, clients: required }
clients:
  - { name: github, pods: { namespace: tools, labels: { app: github } } }
  - { name: slack, pods: { namespace: tools, labels: { app: slack } } }
`;
const CONNECT = `const socket = require('node:net').connect(3128, '${PROXY_SERVICE}');
socket.end('CONNECT 169.254.169.254:80 HTTP/1.1\\r\\nHost: 169.254.169.254:80\\r\\n\\r\\n');
socket.on('error', () => {}).resume();`;

test('a pod is the client whose labels it has, from the moment in which the API server says so, and nobody before and after', async (t) => {
  const lab = new PodLab();
  t.after(() => lab.close());
  const policies = RENDERED.filter(({ metadata }) => metadata.namespace === TOOLS);
  lab.enforce({ engine: 'drop', node: 'closed', policies });
  const tell = await lab.serveApi();
  const pod = { name: 'github-1', ips: [PODS.tool] };
  tell('ADDED', podObject(pod));
  tell('ADDED', podObject({ name: 'slack-1', ips: [PODS.neighbour], labels: { app: 'slack' } }));
  const log = await lab.serve(POLICY);
  const ask = async (seat: 'tool' | 'neighbour' | 'dns'): Promise<unknown> => {
    lab.run(seat, [process.execPath, '-e', CONNECT]);
    const { client } = await find(log, ({ event }) => event === 'decision');
    return client;
  };
  const askUntil = async (name: string | null): Promise<void> => {
    for (;;) {
      const client = (await ask('tool')) as LogRecord;
      assert.equal(client.address, PODS.tool);
      if (client.name === name) return;
    }
  };
  await askUntil('github');
  assert.deepEqual(await ask('neighbour'), { address: PODS.neighbour, name: 'slack' });
  assert.deepEqual(await ask('dns'), { address: PODS.dns, name: null });
  tell('MODIFIED', podObject({ ...pod, labels: { app: 'slack' } }));
  await askUntil('slack');
  tell('MODIFIED', podObject({ ...pod, deleted: true }));
  await askUntil(null);
  tell('DELETED', podObject({ ...pod, deleted: true }));
  tell('ADDED', podObject({ ...pod, name: 'github-2' }));
  await askUntil('github');
});
