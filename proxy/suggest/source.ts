/** Where decision records come from: lines of a log, from a file or a pipe, or the admin API of a running proxy. */
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { decodedPieces } from '../config/text-encoding.js';
import { parseRecord, parseRecordLine } from '../observe/parse-record.js';
import type { DecisionRecord } from '../observe/record.js';

const PAGE = 1000;

/** Records of a log. Whatever comes before the brace of a line, such as a container's name, is skipped. */
export async function* recordsOfLog(input: Readable): AsyncGenerator<DecisionRecord> {
  const text = Readable.from(decodedPieces(input));
  for await (const line of createInterface({ input: text, crlfDelay: Number.POSITIVE_INFINITY })) {
    if (line.startsWith('[')) yield* recordsOfList(line);
    const start = line.indexOf('{');
    const record = start === -1 ? null : parseRecordLine(line.slice(start));
    if (record !== null) yield record;
  }
}

export function recordsOfFile(path: string): AsyncGenerator<DecisionRecord> {
  return recordsOfLog(createReadStream(path));
}

/**
 * All records that the proxy holds. `token`: of the admin API; one in the query of the URL takes precedence. Throws an Error
 * with a message for people if there is no answer, or an unexpected one.
 */
export async function* recordsOfApi(base: URL, token: string | undefined): AsyncGenerator<DecisionRecord> {
  const given = base.searchParams.get('token') ?? token;
  const headers = given === undefined ? {} : { authorization: `Bearer ${given}` };
  let before: string | null = null;
  for (;;) {
    const url: URL = new URL('/v1/decisions', base);
    url.search = new URLSearchParams({ limit: `${PAGE}`, ...(before === null ? {} : { before }) }).toString();
    const page = await pageOf(url, headers);
    const records: DecisionRecord[] = page.map(parseRecord).filter((record) => record !== null);
    yield* records;
    before = records.at(-1)?.id ?? null;
    if (before === null || page.length < PAGE) return;
  }
}

async function pageOf(url: URL, headers: Record<string, string>): Promise<readonly unknown[]> {
  const response = await fetch(url, { headers, redirect: 'error' }).catch((error: unknown) => {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
    throw new Error(`no answer from ${url.origin} (${cause}): is listen.admin there?`);
  });
  const page: unknown = await response.json().catch(() => null);
  if (response.ok && Array.isArray(page)) return page;
  const next = response.status === 401 ? 'set EGRESS_ADMIN_TOKEN to its token' : 'is it the admin API?';
  throw new Error(`${url.origin} answered with status ${response.status}: ${next}`);
}

/** The answer of `GET /v1/decisions`, saved to a file. */
function recordsOfList(line: string): DecisionRecord[] {
  try {
    const list: unknown = JSON.parse(line);
    return Array.isArray(list) ? list.map(parseRecord).filter((record) => record !== null) : [];
  } catch {
    return [];
  }
}
