/** The watches of pods as metrics: one series for each namespace that the configuration names. */
import { Gauge, type Registry } from 'prom-client';

/** One namespace; see kubernetes/pods.ts. */
export interface NamespaceLook {
  readonly namespace: string;
  readonly state: string;
  readonly pods: number;
}

export function addPodsMetrics(registry: Registry, looks: () => readonly NamespaceLook[]): void {
  const registers = [registry];
  const up: Gauge = new Gauge({
    name: 'egress_pods_watch_up',
    help: '1 while the API server says to which clients the pods of this namespace belong, 0 while that is unknown.',
    labelNames: ['namespace'],
    registers,
    collect() {
      up.reset();
      for (const { namespace, state } of looks()) up.set({ namespace }, state === 'connected' ? 1 : 0);
    },
  });
  const pods: Gauge = new Gauge({
    name: 'egress_pods',
    help: 'Pods of this namespace that have an address.',
    labelNames: ['namespace'],
    registers,
    collect() {
      pods.reset();
      for (const look of looks()) pods.set({ namespace: look.namespace }, look.pods);
    },
  });
}
