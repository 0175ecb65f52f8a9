/** Where decision records come from: lines of a log, from a file or a pipe, or the admin API of a running proxy. */
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { decodedPieces } from '../config/text-encoding.js';
import { parseRecord, parseRecordLine } from '../observe/parse-record.js';
import type { DecisionRecord } from '../observe/record.js';

const PAGE = 1000;

/** Records of a log; whatever is before the brace of a line, such as the name of a container, is skipped. */
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

/** All records that the proxy holds. `token`: of the admin API; a `token` in the URL counts more. */
export async function* recordsOfApi(from: string, token: string | undefined): AsyncGenerator<DecisionRecord> {
  const base = new URL(from);
  const given = base.searchParams.get('token') ?? token;
  const headers = given === undefined ? {} : { authorization: `Bearer ${given}` };
  let before: string | null = null;
  for (;;) {
    const url: URL = new URL('/v1/decisions', base);
    url.search = new URLSearchParams({ limit: `${PAGE}`, ...(before === null ? {} : { before }) }).toString();
    const response = await fetch(url, { headers, redirect: 'error' });
    const page: unknown = await response.json();
    if (!response.ok || !Array.isArray(page)) throw new Error(`${url.origin} answered ${response.status}`);
    const records: DecisionRecord[] = page.map(parseRecord).filter((record) => record !== null);
    yield* records;
    before = records.at(-1)?.id ?? null;
    if (before === null || page.length < PAGE) return;
  }
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
