/** Changes of the watches of pods, as events in the log. */
import type { Logger } from 'pino';

export interface PodsEvents {
  onChange(change: { readonly namespace: string; readonly state: string; readonly reason: string | null }): void;
  onAmbiguous(pod: { readonly namespace: string; readonly pod: string; readonly clients: readonly string[] }): void;
}

export function podsEvents(log: Pick<Logger, 'info' | 'warn'>): PodsEvents {
  return {
    onChange({ namespace, state, reason }) {
      const event = { event: 'pods-watch', namespace, state };
      if (state === 'connected') log.info(event, 'the API server answers: the pods of this namespace are known');
      else
        log.warn(
          { ...event, reason },
          'the API server does not answer: the pods of this namespace belong to no client until it does',
        );
    },
    onAmbiguous(pod) {
      log.warn(
        { event: 'pods-ambiguous', ...pod },
        'this pod matches more than one entry of clients, and so belongs to none',
      );
    },
  };
}
