/** The identity by pods as the proxy has it, before a fake API server and on a clock of its own. */
import assert from 'node:assert/strict';
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

/** The time that a watch has, by its own word, and a little. */
export const WATCH_MS = 3000;

/** Of the pod that is there at first. */
export const AT = '10.244.1.7';
export const SLACK_POD = { name: 'slack-1', labels: { app: 'slack' } };

/** Follows one pod of github, and has its address go to one of slack unseen. */
export async function standWhereAddressMoves(t: TestContext): Promise<PodStand & { move(): void }> {
  const stand = await openPodStand(t, [podObject()]);
  await follow(stand);
  const move = (): void => {
    stand.server.pods.delete('tools/github-1');
    stand.server.pods.set('tools/slack-1', podObject(SLACK_POD));
  };
  return Object.assign(stand, { move });
}

/** Lets time pass in small steps until that is so, and holds at each of them that nobody has the wrong name. */
export async function passUntil(stand: PodStand, isSo: () => boolean): Promise<void> {
  while (!isSo()) {
    stand.clock.pass(5);
    assert.notEqual(stand.pods.of(AT), 'github');
    await new Promise((resolve) => setImmediate(resolve));
  }
}
