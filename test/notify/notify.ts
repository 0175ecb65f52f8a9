/** Notices with a receiver of the test, and no time that passes. */
import { compileNotify, notifySection } from '../../proxy/config/receivers.js';
import { Notices, type NoticesOptions } from '../../proxy/notify/notices.js';
import type { Posted } from '../../proxy/post/post.js';

export interface Told {
  readonly event: string;
  readonly instance: string;
  readonly id: string;
  readonly client: { readonly address: string; readonly name: string | null };
  readonly host: string | null;
  readonly port: number | null;
  readonly count: number;
  readonly missed: number;
  readonly warning: string | null;
  readonly explanation: string;
  readonly text: string;
}

export interface Stand {
  readonly notices: Notices;
  readonly told: Told[];
  readonly bodies: string[];
  readonly counts: Map<string, number>;
  readonly pauses: number[];
  readonly events: string[];
  /** What the receiver answers from now on. */
  answer: (told: Told) => Posted | Promise<Posted>;
  /** Null: nobody is told. */
  isOn: boolean;
}

export function noticesTo(events: readonly string[], clients: readonly string[] = []): Stand {
  const settings = compileNotify(notifySection.parse({ url: 'https://hooks.test/secret', events, instance: 'nas' }));
  const stand: Stand = {
    told: [],
    bodies: [],
    counts: new Map(),
    pauses: [],
    events: [],
    answer: () => ({ ok: true }),
    isOn: true,
    notices: new Notices({
      settings: () => (stand.isOn ? settings : null),
      clients: () => new Set(clients),
      async post(_settings, body) {
        const told: Told = JSON.parse(body.toString());
        const posted = await stand.answer(told);
        stand.bodies.push(body.toString());
        if (posted.ok) stand.told.push(told);
        return posted;
      },
      count(event, outcome) {
        const key = `${event} ${outcome}`;
        stand.counts.set(key, (stand.counts.get(key) ?? 0) + 1);
      },
      onFailing: (why) => stand.events.push(`failing: ${why}`),
      onWorking: (missed) => stand.events.push(`working, missed ${missed}`),
      warning: (host) => (host.includes('xn--') ? `look at ${host}` : null),
      now: () => 0,
      pause: async (ms) => void stand.pauses.push(ms),
    } satisfies NoticesOptions),
  };
  return stand;
}
