/** Server-sent events of the admin API, one after the other. */
import { type AdminClient, AdminRefusal, Unreachable } from './admin-client.js';

export interface StreamEvent {
  /** `message` where it has no name. */
  readonly event: string;
  readonly data: string;
}

/** A record is less than a kilobyte; what has no end is none of ours. */
const LONGEST = 1024 * 1024;

/** Throws where there is no stream; ends where it ends. */
export async function* eventsOf({ url, headers }: AdminClient, path: string): AsyncGenerator<StreamEvent> {
  const response = await fetch(`${url}${path}`, { headers, redirect: 'error' }).catch(() => {
    throw new Unreachable(`no answer from ${new URL(url).host}`);
  });
  if (!response.ok || response.body === null) throw new AdminRefusal(`status ${response.status}`, null);
  const decoder = new TextDecoder();
  let text = '';
  for await (const bytes of response.body) {
    text += decoder.decode(bytes, { stream: true });
    const blocks = text.split('\n\n');
    text = blocks.pop() ?? '';
    if (text.length > LONGEST) throw new Unreachable('the stream is none of the admin API');
    for (const block of blocks) {
      const found = parseEvent(block);
      if (found !== null) yield found;
    }
  }
}

function parseEvent(block: string): StreamEvent | null {
  const lines = block.split('\n');
  const value = (key: string): string | null =>
    lines.find((line) => line.startsWith(`${key}: `))?.slice(key.length + 2) ?? null;
  const data = value('data');
  return data === null ? null : { event: value('event') ?? 'message', data };
}
