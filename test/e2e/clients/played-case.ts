/** What comes of a raw case through any proxy: for a comparison, so without an expectation of its own. */
import net from 'node:net';
import { listenTo } from '../../http/conversation.js';
import { startOrigin, startRawOrigin } from '../../http/origin.js';
import type { RawCase } from '../../http/raw-case.js';
import { parseResponses } from '../../http/responses.js';

export interface Played {
  /** Of the final responses, in their order. */
  readonly statuses: readonly number[];
  /** What the origin got. */
  readonly forwarded: readonly string[];
  /** All that the client has read, as latin1. */
  readonly text: string;
  /** Neither an answer nor an end within the patience. */
  readonly isSilent: boolean;
}

/** A peer that says nothing for this long has nothing more to say. */
const PATIENCE_MS = 15_000;

export async function play(one: RawCase, port: number): Promise<Played> {
  const origin = one.reply === undefined ? await startOrigin() : await startRawOrigin(one.reply);
  const socket = net.connect({ host: '127.0.0.1', port, allowHalfOpen: true });
  const { heard, until } = listenTo(socket);
  const most = Math.max(...one.statuses.map(({ length }) => length));
  const isWhole = (): boolean => {
    const { responses, rest } = parseResponses(heard.text, false);
    return most > 0 && responses.length >= most && rest === '';
  };
  try {
    socket.write(Buffer.from(one.send.replaceAll('{o}', origin.authority).replaceAll('{p}', String(port)), 'latin1'));
    const isSilent = await silence(until(({ ended }) => ended || (!one.closes && isWhole())));
    socket.end();
    if (!isSilent) await silence(until(({ ended }) => ended));
    const { responses } = parseResponses(heard.text, true);
    return {
      statuses: responses.map(({ status }) => status),
      forwarded: [...origin.requests],
      text: heard.text,
      isSilent: isSilent && responses.length === 0,
    };
  } finally {
    socket.destroy();
    await origin.close();
  }
}

/** True where `done` does not come in time. */
async function silence(done: Promise<void>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<true>((resolve) => {
    timer = setTimeout(() => resolve(true), PATIENCE_MS);
  });
  const isLate = await Promise.race([done.then(() => false as const), late]);
  clearTimeout(timer);
  return isLate;
}
