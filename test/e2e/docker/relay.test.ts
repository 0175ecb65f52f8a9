import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  compose,
  decisions,
  fromHost,
  GATEWAY,
  PROJECT,
  SIDECAR,
  startDemo,
  stopDemo,
  TOOLS_NETWORK,
} from './demo-stack.js';
import { docker, inspect, repository, until } from './docker.js';

const SHORT_IDLE = { EGRESS_CONFIG_DIR: `${repository}test/e2e/docker/short-idle` };

before(() => startDemo(SHORT_IDLE));
after(stopDemo);

test('services of both outer networks reach the gateway by its old name and port', async () => {
  for (const network of ['frontend', 'backend']) {
    const run = ['run', '--rm', '--network', `${PROJECT}_${network}`, 'mcp-egress-demo'];
    const answer = await docker([...run, 'curl', '-sS', '--max-time', '10', 'http://mcp-gateway:8811/']);
    assert.equal(answer, 'mcp-gateway stand-in\n', network);
  }
});

test('the host reaches it on the published port, which is the relay and not the gateway', async () => {
  assert.equal(await fromHost('/'), 'mcp-gateway stand-in\n');
  assert.deepEqual((await inspect(GATEWAY)).NetworkSettings.Ports, {});
  const isRelayed = ({ door, host, outcome }: Record<string, unknown>): boolean =>
    door === 'relay' && host === 'mcp-gateway-tools' && outcome === 'allow';
  await until('the record of the relay', async () => (await decisions()).some(isRelayed));
});

test('the gateway is on the network of the tools and on no other', async () => {
  const { Networks } = (await inspect(GATEWAY)).NetworkSettings;
  assert.deepEqual(Object.keys(Networks), ['egress-demo-mcp-tools']);
});

test('a stream in one direction alone outlives the idle timeout, and a silent one does not', async () => {
  const speaking = await fromHost('/events?every=500&count=10');
  assert.equal(speaking.match(/^data: /gm)?.length, 10, 'five seconds of events, with an idle timeout of two');
  await assert.rejects(fromHost('/events?every=8000&count=1'), 'nothing for eight seconds');
});

test('tools hold long streams through a tunnel and a forwarded request in the same way', async () => {
  const proxy = ['http_proxy', 'https_proxy'].flatMap((name) => ['-e', `${name}=http://egress-proxy:3128`]);
  const curl = [
    'run',
    '--rm',
    '--network',
    TOOLS_NETWORK,
    ...proxy,
    'mcp-egress-demo',
    'curl',
    '-sSN',
    '--cacert',
    'ca.pem',
  ];
  for (const url of ['http://site.demo.test/events', 'https://site.demo.test/events']) {
    assert.equal((await docker([...curl, url])).match(/^data: /gm)?.length, 10, url);
  }
});

test('docker stop lets a running stream end, refuses new ones, and ends with 0 within the grace period', async () => {
  const stream = fromHost('/events?every=500&count=6');
  const started = Date.now();
  await docker(['stop', SIDECAR]);
  assert.equal((await stream).match(/^data: /gm)?.length, 6);
  assert.equal((await inspect(SIDECAR)).State.ExitCode, 0);
  assert.ok(Date.now() - started < 20_000, 'before drainTimeout');
  await compose(['up', '--detach', '--wait', 'egress-proxy'], SHORT_IDLE);
});
