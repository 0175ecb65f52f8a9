/** Server-sent events of the admin API, one after the other. */
import { type AdminClient, AdminRefusal, Unreachable } from './admin-client.js';

export interface StreamEvent {
  /** `message` where it has no name. */
  readonly event: string;
  readonly data: string;
}

/** A record takes less than a kilobyte: anything longer is none, and must not fill memory. */
const LONGEST = 1024 * 1024;

/** Throws where there is no stream; ends where it ends. `onOpen`: nothing is missed from now on. */
export async function* eventsOf(
  { url, headers }: AdminClient,
  path: string,
  onOpen: () => void = () => undefined,
): AsyncGenerator<StreamEvent> {
  const response = await fetch(`${url}${path}`, { headers, redirect: 'error' }).catch(() => {
    throw new Unreachable(`no answer from ${new URL(url).host}`);
  });
  if (!response.ok || response.body === null) throw new AdminRefusal(`status ${response.status}`, null);
  onOpen();
  const decoder = new TextDecoder();
  let text = '';
  for await (const bytes of untilCut(response.body)) {
    text += decoder.decode(bytes, { stream: true });
    const blocks = text.split('\n\n');
    text = blocks.pop() ?? '';
    if (text.length > LONGEST) throw new Unreachable('what answered is not the admin API');
    for (const block of blocks) {
      const found = parseEvent(block);
      if (found !== null) yield found;
    }
  }
}

async function* untilCut(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* body;
  } catch {
    throw new Unreachable('the instance has ended');
  }
}

function parseEvent(block: string): StreamEvent | null {
  const lines = block.split('\n');
  const value = (key: string): string | null =>
    lines.find((line) => line.startsWith(`${key}: `))?.slice(key.length + 2) ?? null;
  const data = value('data');
  return data === null ? null : { event: value('event') ?? 'message', data };
}
