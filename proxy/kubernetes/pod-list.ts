/** All pods of a namespace as they are at one moment, page by page. */
import type { ApiServer } from './api-server.js';
import { textOf } from './bounded-text.js';
import { ApiFailure } from './failure.js';
import { mapping } from './pod.js';
import { parseJson, versionOf } from './watch-event.js';

export interface ListOptions {
  readonly api: ApiServer;
  readonly namespace: string;
  readonly signal: AbortSignal;
  /** Called with each Pod object, unchecked. */
  readonly take: (object: unknown) => void;
  readonly isLate: () => boolean;
  /** How many have been kept. */
  readonly size: () => number;
}

/** Some 2 MB: a page is parsed in one turn of the event loop, and everybody else waits for that. */
const MOST_PER_PAGE = 100;
/** The most pods of one namespace. Kubernetes itself is tested with fewer. */
const MOST_PODS = 20_000;
const MOST_PAGES = MOST_PODS;
const MOST_CONTINUE = 8192;

/** Returns the version to watch from. Rejects with an ApiFailure. */
export async function listPods(options: ListOptions): Promise<string> {
  let perPage = MOST_PER_PAGE;
  let next = '';
  for (let pages = 0; pages < MOST_PAGES; pages++) {
    const page = await pageOf(options, perPage, next);
    if (page === null) {
      if (perPage === 1) throw new ApiFailure('too-large');
      perPage >>= 1;
      continue;
    }
    for (const item of page.items) options.take(item);
    if (options.isLate()) throw new ApiFailure('slow');
    if (options.size() > MOST_PODS) throw new ApiFailure('too-large');
    if (page.next === '') return page.version;
    next = page.next;
  }
  throw new ApiFailure('too-large');
}

interface Page {
  readonly items: readonly unknown[];
  /** The token for the next page; empty: this is the last one. */
  readonly next: string;
  readonly version: string;
}

/** Null: the page is too large, but a smaller one may not be. */
async function pageOf({ api, namespace, signal }: ListOptions, limit: number, next: string): Promise<Page | null> {
  const query = new URLSearchParams({ limit: String(limit), ...(next === '' ? {} : { continue: next }) });
  const body = await api.get(`/api/v1/namespaces/${namespace}/pods?${query}`, signal);
  const text = await textOf(body).catch((error) => {
    if (error instanceof ApiFailure && error.reason === 'too-large') return null;
    throw error;
  });
  if (text === null) return null;
  const page = parseJson(text);
  const { items } = mapping(page);
  const { continue: goOn = '' } = mapping(mapping(page).metadata);
  // Half a list must not pass for the whole: another pod with the same address would be missing.
  if (!Array.isArray(items) || typeof goOn !== 'string' || goOn.length > MOST_CONTINUE)
    throw new ApiFailure('malformed');
  return { items, next: goOn, version: versionOf(page) };
}
