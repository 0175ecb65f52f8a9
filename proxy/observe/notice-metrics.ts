/** Metrics of notices to whoever runs the proxy, by event and outcome. */
import { Counter, type Registry } from 'prom-client';
import { NOTICE_EVENTS, NOTICE_OUTCOMES, type NoticeEvent, type NoticeOutcome } from '../core/notice-event.js';

/** The series exist from the start, because alerts look for an increase. */
export function countNotices(registry: Registry): (event: NoticeEvent, outcome: NoticeOutcome) => void {
  const counter = new Counter({
    name: 'egress_notices_total',
    help: 'Notices to the receiver of notify, by what they tell of and by outcome.',
    labelNames: ['reason', 'outcome'],
    registers: [registry],
  });
  for (const event of NOTICE_EVENTS) for (const outcome of NOTICE_OUTCOMES) counter.inc({ reason: event, outcome }, 0);
  return (event, outcome) => counter.inc({ reason: event, outcome });
}
