/** A notice to whoever runs the proxy: what happened, who caused it, and what to do. Never a path, a query or payload. */
import type { NoticeEvent } from '../core/notice-event.js';
import { hostPortText } from '../core/target.js';
import { escapeInvisible, escapeText } from '../observe/json-line.js';

export interface Notice {
  readonly event: NoticeEvent;
  /** ISO 8601. */
  readonly time: string;
  /** The decision's id, as in the log. */
  readonly id: string;
  readonly client: { readonly address: string; readonly name: string | null };
  /** Null, as is the port, if the notice stands for several destinations. */
  readonly host: string | null;
  readonly port: number | null;
  /** How many events of its kind it stands for. */
  readonly count: number;
}

/** No legitimate field is longer; longer ones are cut. */
const LONGEST = 256;

/** The body of the POST. `missed`: notices that did not arrive since the last one that did; `warning`: what to look at twice in the host. */
export function noticeJson(
  notice: Notice,
  {
    instance,
    missed,
    warning,
  }: { readonly instance: string; readonly missed: number; readonly warning: string | null },
) {
  const { event, time, id, client, host, port, count } = notice;
  const explanation = [explanationOf(notice), ...(warning === null ? [] : [warning])].join(' ');
  return escapeInvisible(
    JSON.stringify({
      event,
      instance,
      time,
      id,
      client: { address: short(client.address), name: client.name === null ? null : short(client.name) },
      host: host === null ? null : short(host),
      port,
      count,
      missed,
      warning,
      explanation,
      // The field that chat services show.
      text: plain(`${instance}: ${explanation}`),
    }),
  );
}

function explanationOf({ event, client, host, port, count }: Notice): string {
  const who = short(escapeText(client.name ?? client.address));
  const where = host === null ? 'several destinations' : hostPortText(short(escapeText(host)), port ?? 0);
  const times = count > 1 ? ` (${count} times)` : '';
  switch (event) {
    case 'question':
      return `${who} asks for ${where}${times}, which no rule names. Allow it on the page or with "egress-proxy allow".`;
    case 'metadata':
      return `${who} asked for the metadata service at ${where}${times}. It was refused; no honest tool asks for one.`;
    case 'first-contact':
      return `${who} reached ${where}${count > 1 ? ` and others, ${count} in all,` : ''} for the first time.`;
  }
}

function short(text: string): string {
  return text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}…` : text;
}

/** Replaces characters that chat services take for links, mentions and commands. */
function plain(text: string): string {
  return text.replace(/[<>&@`|*]/g, '?');
}
