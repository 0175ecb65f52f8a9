/** Grants, pauses and questions over HTTP. access.ts has checked who may write before these run. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { FileChange } from '../config/policy-file.js';
import { parsePrefix } from '../core/address.js';
import { isBound, sectionOfGrant } from '../core/run-time.js';
import { parseDnsName, parseHostPattern } from '../core/target.js';
import { BookError, MOST_GRANTS } from '../decide/book.js';
import { type Deciding, type Grant, type GrantDraft, grantView, lineOf, pauseView } from '../decide/grant.js';
import { type Question, questionView } from '../decide/questions.js';
import type { Vetting } from '../door/vet-grant.js';
import { isByCookie } from './access.js';
import { type Query, text } from './decisions.js';
import { answerRequest, emptyRequest, grantRequest, pauseAllRequest, pauseRequest } from './grant-request.js';
import { AdminError, type AdminOptions } from './options.js';
import type { RunTimeControl } from './run-time.js';

export function addGrantRoutes(app: FastifyInstance, { runTime, policyView }: AdminOptions): void {
  if (runTime === undefined) return;
  const isKnown = (name: string): boolean => policyView().clients.some((client) => client.name === name);
  app.get('/v1/grants', async () => overview(runTime));
  app.post('/v1/grants', async (request, reply) => {
    const { draft, why } = grantRequest(request.body);
    if (draft.client !== null && !isKnown(draft.client)) throw unknownClient();
    return reply.code(201).send(await make(runTime, draft, decidingOf(request, why)));
  });
  app.get<{ Querystring: Query }>('/v1/look-alikes', async ({ query }) => {
    const host = text(query, 'host');
    if (host === null) throw new AdminError(400, 'bad-request', 'host is the name to look at');
    return { warning: runTime.warning(host) };
  });
  app.delete<{ Params: { id: string } }>('/v1/grants/:id', async ({ params }) => revoke(runTime, params.id));
  addPauseRoutes(app, runTime, isKnown);
  addQuestionRoutes(app, runTime);
}

function addPauseRoutes(app: FastifyInstance, runTime: RunTimeControl, isKnown: (name: string) => boolean): void {
  const { book } = runTime;
  const answerPause = async (draft: Parameters<typeof book.pause>[0], deciding: Deciding) => {
    const pause = orRefused(() => book.pause(draft, deciding));
    return { pause: pauseView(pause), closed: await runTime.settled() };
  };
  const resume = (client: string | null) => ({ resumed: orRefused(() => book.resume(client)).map(pauseView) });
  app.post<{ Params: { name: string } }>('/v1/clients/:name/pause', async (request) => {
    if (!isKnown(request.params.name)) throw unknownClient();
    const { draft, why } = pauseRequest(request.body, request.params.name);
    return answerPause(draft, decidingOf(request, why));
  });
  // Works for a client that is no longer in the configuration, too.
  app.post<{ Params: { name: string } }>('/v1/clients/:name/resume', async ({ params, body }) => {
    emptyRequest(body);
    return resume(params.name);
  });
  app.post('/v1/pause', async (request) => {
    const { draft, why } = pauseAllRequest(request.body);
    return answerPause(draft, decidingOf(request, why));
  });
  app.post('/v1/resume', async ({ body }) => {
    emptyRequest(body);
    return resume(null);
  });
}

function addQuestionRoutes(app: FastifyInstance, runTime: RunTimeControl): void {
  const { questions } = runTime;
  app.get('/v1/questions', async () => ({
    questions: questions.list().map((question) => shownQuestion(runTime, question)),
    folded: questions.folded().map(({ last, ...rest }) => ({ ...rest, last: new Date(last).toISOString() })),
    ask: runTime.ask(),
  }));
  app.post<{ Params: { id: string } }>('/v1/questions/:id', async (request, reply) => {
    const { answer, scope, why, ...lifetime } = answerRequest(request.body);
    const question = questions.find(request.params.id);
    if (question === null) throw new AdminError(404, 'not-found', 'No such question, or it has been answered.');
    if (answer === 'dismiss') {
      questions.end(question.id, 'dismissed');
      return { dismissed: shownQuestion(runTime, question) };
    }
    const draft = {
      effect: answer,
      ...placeOf(question),
      ports: [question.port],
      ...clientOf(question, scope === 'this' ? lifetime : null),
      from: question.from,
      ...lifetime,
    };
    const made = await make(runTime, draft, decidingOf(request, why));
    questions.end(question.id, answer === 'allow' ? 'allowed' : 'blocked');
    return reply.code(201).send(made);
  });
}

/** `lifetime` null: for all. A client without a name has nothing but its address, which is good for the next request. */
function clientOf({ client, grantClient }: Question, lifetime: Pick<GrantDraft, 'once'> | null) {
  if (lifetime === null || grantClient !== null || !lifetime.once)
    return { client: lifetime === null ? null : grantClient };
  return { client: null, clientAddress: client.address };
}

function shownQuestion({ warning }: RunTimeControl, question: Question) {
  return questionView(question, warning(question.host));
}

/** Blocks are nothing to be warned of. */
function shownGrant({ warning }: RunTimeControl, grant: Grant) {
  const view = grantView(grant);
  return { ...view, warning: view.effect === 'block' || view.host === null ? null : warning(view.host) };
}

function overview(runTime: RunTimeControl) {
  const { book, state, file } = runTime;
  return {
    grants: book.grants.map((grant) => shownGrant(runTime, grant)),
    pauses: book.pauses.map(pauseView),
    now: new Date().toISOString(),
    most: MOST_GRANTS,
    state,
    file: { path: file.path, isWritable: file.isWritable() },
  };
}

/** Makes the grant; one that is meant forever also gets its line in the policy file, if that can be written. */
async function make(runTime: RunTimeControl, draft: GrantDraft, deciding: Deciding) {
  const confirmation = confirmed(draft, await runTime.vet(draft));
  const { addresses: _shown, ...rest } = draft;
  const grant = orRefused(() => runTime.book.grant({ ...rest, ...confirmation }, deciding));
  const file = grant.expires === null ? intoFile(runTime, grant) : null;
  const closed = await runTime.settled();
  return { grant: shownGrant(runTime, runTime.book.find(grant.id) ?? grant), file, closed };
}

function intoFile(runTime: RunTimeControl, grant: Grant) {
  const [section, line] = [sectionOfGrant(grant), lineOf(grant)];
  const change = isBound(grant) ? WIDER : runTime.file.add({ section, item: itemOf(line) });
  if (change.applied) runTime.reload();
  return { section, line, applied: change.applied, explanation: change.applied ? null : change.explanation };
}

/** What a person writes knowingly is not written for them. */
const WIDER: FileChange = {
  applied: false,
  explanation:
    'It lasts until it is revoked, for the confirmed addresses alone. A rule of the policy file would open the name at any private address that it ever has, so it is not written there.',
};

async function revoke(runTime: RunTimeControl, id: string) {
  const grant = runTime.book.find(id);
  if (grant === null) throw new AdminError(404, 'not-found', 'No such grant, or it has ended.');
  if (grant.inFile) {
    const [section, line] = [sectionOfGrant(grant), lineOf(grant)];
    const change = runTime.file.remove({ section, item: itemOf(line) });
    if (!change.applied)
      throw new AdminError(
        409,
        'in-file',
        `It is a rule of the policy file: remove ${line} from policy.${section}. ${change.explanation}`,
      );
    // Ends the grant along with its rule.
    runTime.reload();
  } else orRefused(() => runTime.book.revoke(id));
  return { revoked: shownGrant(runTime, grant), closed: await runTime.settled() };
}

/** Whether the grant is an exception for a private destination, and where; throws if no grant can open it, or if it still has to be confirmed. */
function confirmed(draft: GrantDraft, vetting: Vetting): Pick<GrantDraft, 'internal' | 'addresses'> {
  switch (vetting.outcome) {
    case 'fine': {
      const { internal, addresses } = vetting;
      if (internal && draft.ports === null) throw portsNeeded();
      return { internal, ...(addresses === undefined ? {} : { addresses }) };
    }
    case 'unknown':
      throw new AdminError(
        409,
        'no-address',
        vetting.addresses.length === 0
          ? 'This is the name of a private destination, and it has no address now: allow it once it resolves, or allow the address itself.'
          : 'This name has too many private addresses for one grant: allow the address itself, or write a rule under policy.internal.',
        { addresses: vetting.addresses },
      );
    case 'confirm':
      throw new AdminError(
        409,
        'confirm-internal',
        draft.addresses !== undefined
          ? 'The name has another address by now. If the tool needs that one, send the same again with these "addresses".'
          : 'This opens a private destination to a tool. If the tool needs it, send the same again with "confirm":"internal" and these "addresses": a name is opened at them alone.',
        { addresses: vetting.addresses, confirm: 'internal' },
      );
    case 'denied':
      throw new AdminError(
        409,
        'denied-by-file',
        `${vetting.rule} of the policy file denies it, and comes first: remove or narrow it.`,
        { reason: vetting.reason, rule: vetting.rule },
      );
    case 'never':
      throw new AdminError(
        403,
        'never',
        NEVER[vetting.reason] ?? 'Nothing opens this: no rule, no mode and no grant.',
        { reason: vetting.reason, rule: vetting.rule },
      );
  }
}

const NEVER: Readonly<Partial<Record<string, string>>> = {
  'address-prohibited':
    'Nothing opens by name what this resolves to; a loopback address must be opened by the address itself.',
  'mixed-answer': 'DNS answers with public and private addresses, and such an answer is refused whole.',
  'client-required': 'The policy serves only clients that it knows by name: name the one that this is for.',
};

function portsNeeded(): AdminError {
  const error = {
    path: 'ports',
    value: 'nothing',
    expected: 'the ports, such as [443]: a private destination is opened port by port',
  };
  return new AdminError(400, 'bad-request', `ports: got nothing, expected ${error.expected}`, { errors: [error] });
}

function placeOf({ host }: Question): Pick<GrantDraft, 'host' | 'address'> {
  const name = parseDnsName(host);
  return name === null ? { host: null, address: parsePrefix(host) } : { host: parseHostPattern(name), address: null };
}

function itemOf(line: string): string {
  return line.slice('- '.length);
}

function decidingOf(request: FastifyRequest, why: string | null): Deciding {
  const isCommand = request.headers['user-agent']?.startsWith('egress-proxy') === true;
  return { by: isByCookie(request) ? 'page' : isCommand ? 'command' : 'api', why };
}

function unknownClient(): AdminError {
  return new AdminError(400, 'unknown-client', 'No client of this name is configured.');
}

function orRefused<T>(change: () => T): T {
  try {
    return change();
  } catch (error) {
    if (!(error instanceof BookError)) throw error;
    throw new AdminError(error.token === 'too-many' ? 409 : 503, error.token, error.message);
  }
}
