/** The recent decisions, newest first; a single decision with what would change it; and what each client talked to. */
import type { FastifyInstance } from 'fastify';
import { type Prefix, parseAddress, parsePrefix } from '../core/address.js';
import { REASONS, type Reason } from '../core/reasons.js';
import { placeInFile } from '../core/rule.js';
import { classify, type LocalRanges } from '../core/special-purpose.js';
import { decisionsCsv } from '../observe/csv.js';
import { groupDecisions } from '../observe/groups.js';
import type { DecisionRecord } from '../observe/record.js';
import type { RecordFilter } from '../observe/record-filter.js';
import { summarize } from '../observe/summary.js';
import { draftLine, draftsToAllow, draftToDeny, type Proposal } from '../suggest/rule-draft.js';
import { AdminError, type AdminOptions } from './options.js';
import type { PolicyView } from './policy-view.js';

const MOST_PER_PAGE = 1000;
const OUTCOMES: readonly string[] = ['allow', 'deny', 'fail'];

/** A query string as given: a repeated field is a list. */
export type Query = Readonly<Record<string, string | readonly string[] | undefined>>;

export function addDecisionRoutes(app: FastifyInstance, { ring, spawns, policyView, runTime }: AdminOptions): void {
  app.get<{ Querystring: Query }>('/v1/decisions', async ({ query }) =>
    ring.query({
      ...filterOf(query),
      before: text(query, 'before'),
      limit: Math.min(count(query, 'limit') ?? 100, MOST_PER_PAGE),
    }),
  );
  app.get('/v1/decisions/summary', async () => summarize(ring));
  app.get<{ Querystring: Query }>('/v1/decisions/groups', async ({ query }) =>
    groupDecisions(ring, filterOf(query), Math.min(count(query, 'limit') ?? 100, MOST_PER_PAGE)),
  );
  app.get<{ Params: { id: string } }>('/v1/decisions/:id', async ({ params }) => {
    const record = ring.find(params.id);
    if (record === null) throw new AdminError(404, 'not-found', 'No such decision, or it is too old to be kept.');
    const { host } = record;
    const warning = host === null ? null : (runTime?.warning(host) ?? null);
    return { ...explain(record, policyView()), warning };
  });
  app.get<{ Querystring: Query }>('/v1/decisions/export', async ({ query }, reply) => {
    const { format = 'json', ...filter } = query;
    if (format !== 'json' && format !== 'csv') throw new AdminError(400, 'bad-request', 'format is json or csv');
    const records = ring.query({ ...filterOf(filter), limit: ring.size(), before: null });
    reply.header('content-disposition', `attachment; filename="decisions.${format}"`);
    return format === 'csv' ? reply.type('text/csv; charset=utf-8').send(decisionsCsv(records)) : records;
  });
  app.get<{ Querystring: Query }>('/v1/spawns', async ({ query }) => spawns.newest(count(query, 'limit') ?? 100));
  app.get('/v1/reasons', async () => REASONS);
}

/** A record with what it means in words, and with the lines of the configuration that would allow or deny it. */
function explain(record: DecisionRecord, policy: PolicyView) {
  const client = policy.clients.find(({ name }) => name === record.client.name);
  const clients = new Set(policy.clients.map(({ name }) => name));
  const context = { default: client?.default ?? policy.default, clients, here: rangesOf(policy) };
  return {
    record,
    explanation: record.reason === null ? null : meaningOf(record, record.reason, context.here),
    allow: inYaml(isAllowed(record) ? allowedAlready(record) : draftsToAllow(record, context)),
    deny: inYaml(draftToDeny(record, context)),
  };
}

function isAllowed({ outcome, reason }: DecisionRecord): boolean {
  return outcome === 'allow' && reason === null;
}

function allowedAlready({ rule }: DecisionRecord): Proposal {
  return { drafts: [], note: `It is allowed already, by ${placeInFile(rule) ?? 'policy.default'}.` };
}

/** What happened, or in mode `report` what would have. */
function meaningOf({ outcome, addresses }: DecisionRecord, reason: Reason, here: LocalRanges): string {
  const words = inWords(reason, addresses, here);
  if (outcome !== 'allow') return words;
  const would = reason === 'not-yet-allowed' ? 'become a question' : 'be refused';
  return `It was let through, as mode report does; enforced, it would ${would}. ${words}`;
}

/** The sentence for the reason, and what kind of address a non-public one is. */
function inWords(reason: Reason, addresses: readonly string[], here: LocalRanges): string {
  const { sentence, error } = REASONS[reason];
  const classes = addresses.flatMap((text) => parseAddress(text) ?? []).map((address) => classify(address, here).is);
  const special = classes.find((kind) => kind.kind !== 'global');
  if (special === undefined || error !== 'destination_ip_prohibited') return sentence;
  return `${sentence} It is ${special.what}.`;
}

function rangesOf({ nat64, private: own }: PolicyView): LocalRanges {
  return { nat64: prefixesOf(nat64), private: prefixesOf(own) };
}

function prefixesOf(texts: readonly string[]): Prefix[] {
  return texts.flatMap((text) => parsePrefix(text) ?? []);
}

function inYaml({ drafts, note }: Proposal) {
  return { note, lines: drafts.map((draft) => ({ section: draft.section, line: draftLine(draft) })) };
}

/** The filter that a query string asks for; an empty value is none. Throws a 400 if no record could match. */
export function filterOf(query: Query): RecordFilter {
  const outcome = text(query, 'outcome');
  const reason = text(query, 'reason');
  if (outcome !== null && !OUTCOMES.includes(outcome)) {
    throw new AdminError(400, 'bad-request', `outcome is one of ${OUTCOMES.join(', ')}`);
  }
  if (reason !== null && !Object.hasOwn(REASONS, reason)) {
    throw new AdminError(400, 'bad-request', 'reason is not one that this proxy knows');
  }
  return { outcome, reason, client: text(query, 'client'), host: text(query, 'host'), text: text(query, 'q') };
}

export function text(query: Query, name: string): string | null {
  const value = query[name];
  if (value !== undefined && typeof value !== 'string')
    throw new AdminError(400, 'bad-request', `${name} may be given only once`);
  return value === undefined || value === '' ? null : value;
}

/** A whole number from 1 up, or null if there is none. */
export function count(query: Query, name: string): number | null {
  const value = text(query, name);
  if (value === null) return null;
  if (!/^[1-9]\d{0,6}$/.test(value)) throw new AdminError(400, 'bad-request', `${name} is a whole number of 1 or more`);
  return Number(value);
}
