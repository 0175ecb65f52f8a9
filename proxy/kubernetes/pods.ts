/** Which client a pod is, by its address, according to the API server, in the namespaces that `clients` names. */
import type { ClientEntry, PodSelector } from '../config/config.js';
import type { ApiServer } from './api-server.js';
import { type Clock, createClock } from './clock.js';
import { NamespaceWatch, type WatchState } from './namespace-watch.js';
import type { Pod } from './pod.js';

export interface Pods {
  /** The client whose pod alone has this address now; null: no client's, or this is not certain. */
  of(address: string): string | null;
  /** Starts and ends watches as `clients` now says. Where selectors changed, pods are unknown until their namespace is listed. */
  review(): void;
  stop(): void;
  /** True once every namespace has been listed. */
  readonly isKnown: boolean;
  readonly namespaces: readonly NamespaceLook[];
}

export interface NamespaceLook {
  readonly namespace: string;
  readonly state: WatchState['state'];
  /** How many pods have an address. */
  readonly pods: number;
}

export interface PodsOptions {
  readonly clients: () => readonly Pick<ClientEntry, 'name' | 'pods'>[];
  readonly api: ApiServer;
  readonly onChange: (state: WatchState) => void;
  /** Called once for each pod that matches two clients, and so belongs to none. */
  readonly onAmbiguous: (pod: AmbiguousPod) => void;
  readonly clock?: Clock;
}

export interface AmbiguousPod {
  readonly namespace: string;
  readonly pod: string;
  readonly clients: readonly string[];
}

interface Running {
  readonly watch: NamespaceWatch;
  /** The selectors that it was started for. */
  readonly selectors: string;
}

interface Selector {
  readonly client: string;
  readonly labels: PodSelector['labels'];
}

export function createPods(options: PodsOptions): Pods {
  const { clock = createClock() } = options;
  const running = new Map<string, Running>();
  const review = (): void => {
    const wanted = selectorsOf(options.clients());
    for (const [namespace, { watch, selectors }] of running) {
      if (JSON.stringify(wanted.get(namespace)) === selectors) continue;
      watch.stop();
      running.delete(namespace);
    }
    for (const [namespace, selectors] of wanted) {
      if (running.has(namespace)) continue;
      const watch = watchOf(namespace, selectors, { ...options, clock });
      running.set(namespace, { watch, selectors: JSON.stringify(selectors) });
      void watch.run();
    }
  };
  return {
    review,
    of: (address) => clientAt([...running.values()], address),
    stop() {
      for (const { watch } of running.values()) watch.stop();
      running.clear();
    },
    get isKnown() {
      return [...running.values()].every(({ watch }) => watch.wasKnown);
    },
    get namespaces() {
      return [...running].map(([namespace, { watch }]) => ({ namespace, state: watch.state, pods: watch.pods }));
    },
  };
}

/**
 * An address that two pods have, in whatever namespaces, is nobody's until one of them is gone: one of the two has lost it, and
 * the server has not been told which.
 */
function clientAt(running: readonly Running[], address: string): string | null {
  let client: string | null = null;
  let count = 0;
  for (const { watch } of running) {
    for (const claim of watch.claims(address)) {
      count += 1;
      client = watch.isFresh ? claim.client : null;
    }
  }
  return count === 1 ? client : null;
}

function selectorsOf(clients: ReturnType<PodsOptions['clients']>): ReadonlyMap<string, readonly Selector[]> {
  const found = new Map<string, readonly Selector[]>();
  for (const { name, pods } of clients) {
    if (pods === null) continue;
    const { namespace, labels } = pods;
    found.set(namespace, [...(found.get(namespace) ?? []), { client: name, labels }]);
  }
  return found;
}

function watchOf(namespace: string, selectors: readonly Selector[], options: Required<PodsOptions>): NamespaceWatch {
  const told = new Set<string>();
  const { api, onChange, clock } = options;
  const clientOf = (pod: Pod): string | null => {
    const [first, ...others] = selectors.filter(({ labels }) => hasAll(pod, labels));
    if (first === undefined || others.length === 0) return first?.client ?? null;
    if (!told.has(pod.uid) && told.size < MOST_TOLD) {
      told.add(pod.uid);
      options.onAmbiguous({ namespace, pod: pod.name, clients: [first, ...others].map(({ client }) => client) });
    }
    return null;
  };
  return new NamespaceWatch({ namespace, api, clock, clientOf, onChange });
}

/** After so many, no more pods that match two clients are reported. */
const MOST_TOLD = 1000;

function hasAll({ labels }: Pod, wanted: PodSelector['labels']): boolean {
  return Object.entries(wanted).every(([key, value]) => Object.hasOwn(labels, key) && labels[key] === value);
}
