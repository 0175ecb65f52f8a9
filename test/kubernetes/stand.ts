/** The identity by pods as the proxy has it, before a fake API server and on a clock of its own. */
import type { TestContext } from 'node:test';
import type { PodSelector } from '../../proxy/config/config.js';
import type { WatchState } from '../../proxy/kubernetes/namespace-watch.js';
import { type AmbiguousPod, createPods, type Pods } from '../../proxy/kubernetes/pods.js';
import { type FakeApiServer, type PodObject, podObject, startApiServer } from './fake-api-server.js';
import { ManualClock } from './manual-clock.js';

export interface Client {
  readonly name: string;
  readonly pods: PodSelector | null;
}

export const GITHUB: Client = { name: 'github', pods: { namespace: 'tools', labels: { app: 'github' } } };
export const SLACK: Client = { name: 'slack', pods: { namespace: 'tools', labels: { app: 'slack' } } };

export interface PodStand {
  readonly server: FakeApiServer;
  readonly clock: ManualClock;
  readonly pods: Pods;
  readonly states: WatchState[];
  readonly ambiguous: AmbiguousPod[];
  /** As a reload has it. */
  clients: readonly Client[];
  /** Resolves when all that the server has said before is taken in. */
  settle(): Promise<void>;
}

export async function openPodStand(t: TestContext, objects: readonly PodObject[] = []): Promise<PodStand> {
  const server = await startApiServer(t);
  for (const object of objects) server.tell('ADDED', object);
  const clock = new ManualClock();
  const states: WatchState[] = [];
  const ambiguous: AmbiguousPod[] = [];
  let marks = 0;
  const pods = createPods({
    clients: () => stand.clients,
    api: server.api,
    clock,
    onChange: (state) => states.push(state),
    onAmbiguous: (pod) => ambiguous.push(pod),
  });
  t.after(() => pods.stop());
  const stand: PodStand = {
    server,
    clock,
    pods,
    states,
    ambiguous,
    clients: [GITHUB, SLACK],
    async settle() {
      marks += 1;
      const ip = `10.244.200.${marks}`;
      server.tell('ADDED', podObject({ name: `mark-${marks}`, ips: [ip] }));
      await until(() => pods.of(ip) === 'github');
    },
  };
  return stand;
}

/** Reviews, and waits until each namespace is listed and watched. */
export async function follow({ pods, server }: PodStand): Promise<void> {
  pods.review();
  await until(() => pods.isKnown && server.watches === pods.namespaces.length);
}

export async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setImmediate(resolve));
}
