/**
 * A podman of its own: its storage, its network namespace, nothing shared with the machine's. As Debian 12 ships it
 * (4.3), it knows neither status.hostIPs nor $(NAME) in values, and copies a ConfigMap once: `playable` says what differs.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { imageChanges, writeImageFiles } from './image.js';

export const IMAGE = 'localhost/egress-proxy-under-test';
const NODE_ADDRESSES = '192.0.2.9,2001:db8::9';
/** This machine may allow no more, and podman asks for its own limit. */
const CONTAINERS = `[containers]
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
[network]
network_backend = "netavark"
`;

export interface Podman {
  readonly folder: string;
  run(...args: readonly string[]): string;
}

export function startPodman(context: TestContext): Podman {
  const folder = mkdtempSync(join(tmpdir(), 'egress-podman-'));
  const namespace = `egress-pod-${process.pid}`;
  writeFileSync(join(folder, 'containers.conf'), `${CONTAINERS}network_config_dir = "${folder}/net"\n`);
  const storage = `[storage]\ndriver = "vfs"\ngraphroot = "${folder}/graph"\nrunroot = "${folder}/run"\n`;
  writeFileSync(join(folder, 'storage.conf'), storage);
  const env = {
    ...process.env,
    CONTAINERS_CONF: join(folder, 'containers.conf'),
    CONTAINERS_STORAGE_CONF: join(folder, 'storage.conf'),
  };
  execFileSync('ip', ['netns', 'add', namespace]);
  const inside = (...args: readonly string[]) =>
    execFileSync('nsenter', [`--net=/run/netns/${namespace}`, 'podman', ...args], {
      encoding: 'utf8',
      env,
      stdio: 'pipe',
    });
  context.after(() => {
    inside('pod', 'rm', '--all', '--force');
    execFileSync('ip', ['netns', 'delete', namespace]);
    rmSync(folder, { recursive: true, force: true });
  });
  execFileSync('nsenter', [`--net=/run/netns/${namespace}`, 'ip', 'link', 'set', 'lo', 'up']);
  return { folder, run: inside };
}

export function importImage({ folder, run }: Podman): void {
  const root = join(folder, 'image');
  mkdirSync(root);
  writeImageFiles(root);
  const archive = join(folder, 'image.tar');
  execFileSync('tar', ['--create', '--file', archive, '--directory', root, '.']);
  run('import', ...imageChanges().flatMap((change) => ['--change', change]), archive, IMAGE);
}

interface Deployment {
  readonly spec: {
    readonly template: {
      readonly spec: {
        readonly containers: readonly { readonly env: readonly { readonly name: string; readonly value?: string }[] }[];
        readonly volumes: readonly { readonly name: string }[];
      };
    };
  };
}

/** The rendered Deployment with one replica, this image, the node's address written out, and the policy in a folder. */
export function playable(deployment: Deployment, policyFolder: string): unknown {
  const pod = deployment.spec.template.spec;
  const containers = pod.containers.map((container) => ({
    ...container,
    image: IMAGE,
    env: container.env.map(written),
  }));
  const volumes = pod.volumes.map((volume) => {
    if (volume.name !== 'policy') return volume;
    return { name: 'policy', hostPath: { path: policyFolder, type: 'Directory' } };
  });
  // Podman would start it again after its end.
  const template = { ...deployment.spec.template, spec: { ...pod, containers, volumes, restartPolicy: 'Never' } };
  return { ...deployment, spec: { ...deployment.spec, replicas: 1, template } };
}

function written(variable: { readonly name: string; readonly value?: string }) {
  const { name, value } = variable;
  if (name === 'NODE_ADDRESSES') return { name, value: NODE_ADDRESSES };
  return value === undefined ? variable : { name, value: value.replace('$(NODE_ADDRESSES)', NODE_ADDRESSES) };
}
