/** The engine is killed and comes back while tools run. EGRESS_ENGINE_CRASH is the command that does it. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { docker, until } from './docker.js';
import { BASE_ARGS, guarded, IMAGE, type Lab, openLab } from './guard-lab.js';

const CRASH = process.env.EGRESS_ENGINE_CRASH ?? '';
const skip = CRASH === '' ? 'EGRESS_ENGINE_CRASH names no command that kills the engine and starts it again' : false;
const WITHIN_MS = 120_000;

let lab: Lab;

before(async () => {
  if (skip === false) lab = await openLab();
});
after(() => skip === false && lab.close());

async function running(server: string) {
  const script = 'echo up; while :; do sleep 1; done';
  const labels = ['-l', `docker-mcp-name=${server}`];
  const cli = lab.spawnCli([...BASE_ARGS.split(' '), ...labels, IMAGE, 'sh', '-c', script]);
  const exited = once(cli, 'exit');
  if (cli.stdout !== null) await once(cli.stdout, 'data');
  return { exited };
}

async function crash(): Promise<void> {
  const [program = '', ...args] = CRASH.split(' ');
  await docker(args, { program });
}

test('an engine that is killed with tools running leaves none behind, and the next tool starts within seconds', {
  skip,
}, async () => {
  const others = await docker(['ps', '-aq', '--no-trunc']);
  const tools = await Promise.all([running('fetch'), running('writer'), running('nobody')]);
  const former = lab.leases().map(({ address }) => address);
  assert.equal(new Set(former).size, 3);
  await crash();
  await Promise.all(tools.map(({ exited }) => exited));
  await until('no tool is left', async () => (await guarded()).length === 0, WITHIN_MS);
  await until('no lease is left', async () => lab.leases().length === 0, WITHIN_MS);
  for (const server of ['memory', 'files']) {
    const run = [...BASE_ARGS.split(' '), '-l', `docker-mcp-name=${server}`, IMAGE, 'hostname', '-I'];
    const { code, stdout, stderr } = await lab.cli(run);
    assert.equal(code, 0, stderr);
    assert.ok(!former.includes(stdout.trim()), `${server} has the address of another server`);
  }
  await until('nothing is left', async () => (await docker(['ps', '-aq', '--no-trunc'])) === others, WITHIN_MS);
});

test('a create that the engine does not live to answer leaves no container without a label, and no lease', {
  skip,
}, async () => {
  const others = await docker(['ps', '-aq', '--no-trunc']);
  const run = [...BASE_ARGS.split(' '), '-l', 'docker-mcp-name=fetch', IMAGE, 'true'];
  const crashed = crash();
  const runs = [];
  for (let i = 0; i < 6; i++) runs.push(lab.cli(run));
  await Promise.all([crashed, ...runs]);
  await until('no tool is left', async () => (await guarded()).length === 0, 120_000);
  await until('no lease is left', async () => lab.leases().length === 0, WITHIN_MS);
  await until('nothing is left', async () => (await docker(['ps', '-aq', '--no-trunc'])) === others, WITHIN_MS);
  assert.equal((await lab.cli(run)).code, 0);
});
