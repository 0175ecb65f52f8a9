/** The rendered Deployment as a pod of podman: what it may do, that it works, follows its ConfigMap, and ends in order. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { parse, stringify } from 'yaml';
import { writeConfigMap } from './config-map-folder.js';
import { pick, render } from './helm.js';
import { importImage, type Podman, playable, startPodman } from './podman.js';

const CONTAINER = 'egress-proxy-pod-0-egress-proxy';
const DEADLINE_MS = 180_000;

interface Pod {
  readonly podman: Podman;
  readonly pid: number;
  /** What the pod's policy file is, from now on. */
  setPolicy(text: string): void;
  /** The status of a request that is made inside of the pod's network; 0 without an answer. */
  status(...args: readonly string[]): number;
}

test('the pod of the chart: least rights, readiness, refusals, a changed ConfigMap, and an end in order', async (t) => {
  const manifests = render('--set', 'config.limits.drainDelay=5m', '--set', 'config.limits.drainTimeout=5s');
  const policy = pick<{ data: { 'policy.yaml': string } }>(manifests, 'ConfigMap', 'egress-proxy').data['policy.yaml'];
  const podman = startPodman(t);
  importImage(podman);
  const pod = play(podman, pick(manifests, 'Deployment'), policy);
  const metadata = () => pod.status('--proxy', 'http://127.0.0.1:3128', 'http://169.254.169.254/');
  const named = () => pod.status('--proxy', 'http://127.0.0.1:3128', 'http://nowhere.invalid/');

  await t.test('it is ready, and refuses a metadata service', async () => {
    await until(() => pod.status('http://127.0.0.1:9181/readyz') === 200);
    assert.equal(pod.status('http://127.0.0.1:9181/healthz'), 200);
    assert.equal(pod.status('http://127.0.0.1:9181/metrics'), 200);
    assert.equal(metadata(), 403);
  });

  await t.test('it runs without root, without a capability, and on a file system that it cannot write to', () => {
    const status = readFileSync(`/proc/${pod.pid}/status`, 'utf8');
    assert.match(status, /^Uid:\t65532\t65532\t65532\t65532$/m);
    assert.match(status, /^Gid:\t65532\t65532\t65532\t65532$/m);
    for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'])
      assert.match(status, new RegExp(`^${set}:\\t0+$`, 'm'));
    assert.match(status, /^NoNewPrivs:\t1$/m);
    assert.match(status, /^Seccomp:\t2$/m);
    const mounts = readFileSync(`/proc/${pod.pid}/mountinfo`, 'utf8')
      .split('\n')
      .map((line) => line.split(' '));
    const isReadOnly = (path: string) =>
      mounts
        .find((fields) => fields[4] === path)?.[5]
        ?.split(',')
        .includes('ro');
    assert.ok(isReadOnly('/'));
    assert.ok(isReadOnly('/etc/egress-proxy'));
  });

  await t.test('a changed ConfigMap is in force without a restart', async () => {
    assert.notEqual(named(), 403);
    const closed = parse(policy);
    closed.policy.default = 'none';
    pod.setPolicy(stringify(closed));
    await until(() => named() === 403);
  });

  await t.test('what is decided at run time is decided inside of it, as the README has it, and for it alone', () => {
    const inside = (...args: readonly string[]) => podman.run('exec', CONTAINER, 'egress-proxy', ...args);
    assert.match(inside('allow', 'files.example', '--for', '10m'), /files\.example/);
    assert.match(inside('grants'), /files\.example/);
    inside('healthcheck', '--config', '/etc/egress-proxy/policy.yaml');
  });

  await t.test('after SIGTERM it is not ready at once, serves on, and ends with 0', async () => {
    podman.run('kill', '--signal', 'TERM', CONTAINER);
    await until(() => pod.status('http://127.0.0.1:9181/readyz') === 503);
    assert.equal(metadata(), 403);
    // Which ends the delay, however long all this has taken.
    podman.run('kill', '--signal', 'TERM', CONTAINER);
    assert.equal(podman.run('wait', CONTAINER).trim(), '0');
  });
});

function play(podman: Podman, deployment: Parameters<typeof playable>[0], policy: string): Pod {
  const folder = join(podman.folder, 'policy');
  mkdirSync(folder);
  let revision = 0;
  const setPolicy = (text: string) => writeConfigMap(folder, { 'policy.yaml': text }, ++revision);
  setPolicy(policy);
  const file = join(podman.folder, 'pod.yaml');
  writeFileSync(file, stringify(playable(deployment, folder)));
  podman.run('kube', 'play', file);
  const pid = Number(podman.run('inspect', '--format', '{{.State.Pid}}', CONTAINER));
  const status = (...args: readonly string[]): number => {
    const curl = [
      'curl',
      '--silent',
      '--max-time',
      '60',
      '--output',
      '/dev/null',
      '--write-out',
      '%{http_code}',
      ...args,
    ];
    try {
      return Number(
        execFileSync('nsenter', ['--target', String(pid), '--net', ...curl], { encoding: 'utf8', stdio: 'pipe' }),
      );
    } catch {
      return 0;
    }
  };
  return { podman, pid, setPolicy, status };
}

async function until(isSo: () => boolean): Promise<void> {
  const end = Date.now() + DEADLINE_MS;
  while (!isSo()) {
    assert.ok(Date.now() < end, `not within ${DEADLINE_MS} ms: ${isSo}`);
    await setTimeout(100);
  }
}
