/** What becomes of the watches of pods, as events of the log. */
import type { Logger } from 'pino';

export interface PodsEvents {
  onChange(change: { readonly namespace: string; readonly state: string; readonly reason: string | null }): void;
  onAmbiguous(pod: { readonly namespace: string; readonly pod: string; readonly clients: readonly string[] }): void;
}

export function podsEvents(log: Pick<Logger, 'info' | 'warn'>): PodsEvents {
  return {
    onChange({ namespace, state, reason }) {
      const event = { event: 'pods-watch', namespace, state };
      if (state === 'connected') log.info(event, 'the API server says whose the pods of this namespace are');
      else
        log.warn({ ...event, reason }, 'the pods of this namespace have no names, until the API server answers again');
    },
    onAmbiguous(pod) {
      log.warn({ event: 'pods-ambiguous', ...pod }, 'more than one entry of clients has this pod: it is none of them');
    },
  };
}
