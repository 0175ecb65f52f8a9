/** The live stream: comes back by itself, and knows when it has not heard anything for too long. */
import { withKey } from './api.js';

const STALE_MS = 5000;
const RESTART_MS = 15_000;
const RETRY_MS = 2000;
/** A person reads a few lines a second; what the page leaves out is counted, refusals last. */
const RATE = 50;

/**
 * `onRecord(record)`, `onTotals({allow, deny, fail, reported})`, `onLost(count)`, `onChanged()` for grants, pauses, policy and
 * questions, `onState('connecting'|'live'|'stale', seconds)`.
 * The server sends the totals every second, so that silence means trouble.
 */
export function createLive({ onRecord, onTotals, onLost, onChanged, onState }) {
  let source = null;
  let query = new URLSearchParams();
  let last = null;
  let heardAt = performance.now();
  let openedAt = 0;

  const open = () => {
    source?.close();
    openedAt = performance.now();
    const parameters = new URLSearchParams(query);
    parameters.set('rate', RATE);
    parameters.set('totals', '1');
    if (last !== null) parameters.set('after', last);
    const opened = new EventSource(withKey(`/v1/decisions/stream?${parameters}`));
    source = opened;
    const heard = (act) => (event) => {
      if (source !== opened) return;
      heardAt = performance.now();
      onState('live', 0);
      act(event);
    };
    opened.onopen = heard(() => {});
    opened.onmessage = heard((event) => {
      last = event.lastEventId || last;
      onRecord(JSON.parse(event.data));
    });
    opened.addEventListener(
      'totals',
      heard((event) => onTotals(JSON.parse(event.data))),
    );
    opened.addEventListener(
      'lost',
      heard((event) => onLost(JSON.parse(event.data).lost)),
    );
    for (const name of ['changed', 'question', 'question-ended']) {
      opened.addEventListener(
        name,
        heard(() => onChanged()),
      );
    }
    opened.onerror = () => {
      if (source !== opened) return;
      onState('connecting', 0);
      // An answer that is no stream, such as 503, ends an EventSource for good.
      if (opened.readyState === EventSource.CLOSED) setTimeout(() => source === opened && open(), RETRY_MS);
    };
  };

  setInterval(() => {
    const silent = performance.now() - heardAt;
    if (silent > STALE_MS) onState('stale', Math.round(silent / 1000));
    if (silent > RESTART_MS && source !== null && performance.now() - openedAt > RESTART_MS) open();
  }, 1000);

  return {
    /** Starts, or starts again with other filters, after the record with the id `after`. */
    start(filters, after) {
      query = filters;
      last = after;
      open();
    },
  };
}
