/** The admin API: what the proxy decided and would decide, for people, probes and Prometheus, and what may be changed. */
import type { RequestListener } from 'node:http';
import fastify, { type FastifyInstance } from 'fastify';
import * as z from 'zod';
import { guardAccess, mayStillRead } from './access.js';
import { addDecisionRoutes } from './decisions.js';
import { addGrantRoutes } from './grants.js';
import { AdminError, type AdminOptions } from './options.js';
import { addPage } from './page.js';
import { addSession } from './session.js';
import { Sessions } from './sessions.js';
import { addStream } from './stream.js';
import { addTop } from './top.js';

/** For front.ts: answers everything but probes. */
export async function loadAdmin(options: AdminOptions): Promise<RequestListener> {
  const app = buildAdmin(options);
  await app.ready();
  return (request, response) => app.routing(request, response);
}

/** A Fastify instance that does not listen. Throws if the listener is not on loopback and no token guards it. */
export function buildAdmin(options: AdminOptions): FastifyInstance {
  if (options.token === null && !options.loopback)
    throw new Error('an admin listener that is not on loopback needs a token');
  const app = fastify({
    logger: false,
    bodyLimit: 16_384,
    // When it listens by itself, as in tests, open streams must not keep it from closing.
    forceCloseConnections: true,
    // No route has a JSON Schema, and loading Fastify's schema compilers is a third of its start-up time.
    schemaController: { compilersFactory: { buildValidator: noSchema, buildSerializer: noSchema } },
  });
  // A form on another origin can send text/plain without a preflight.
  app.removeContentTypeParser('text/plain');
  answerErrorsAsJson(app);
  const sessions = new Sessions(options.now);
  guardAccess(app, options, sessions);
  addMetrics(app, options);
  addCheck(app, options);
  app.get('/v1/policy', async () => ({ ...options.policyView(), reload: options.lastReload?.() ?? null }));
  addTop(app, options);
  addDecisionRoutes(app, options);
  addStream(app, options, (request) => mayStillRead(request, options, sessions));
  addSession(app, options, sessions);
  addGrantRoutes(app, options);
  addPage(app);
  return app;
}

function noSchema(): never {
  throw new Error('a route with a JSON Schema: zod checks what comes in');
}

function addMetrics(app: FastifyInstance, options: AdminOptions): void {
  app.get('/metrics', async (_request, reply) => {
    return reply.type(options.registry.contentType).send(await options.registry.metrics());
  });
}

const CHECK_BODY = z.strictObject({ target: z.string().min(1).max(4096), client: z.string().max(256).nullish() });

function addCheck(app: FastifyInstance, options: AdminOptions): void {
  app.post('/v1/check', async ({ body }) => {
    const { success, data, error } = CHECK_BODY.safeParse(body);
    if (!success) {
      const mistakes = error.issues.map(({ path, message }) => `${path.join('.') || 'the body'}: ${message}`);
      throw new AdminError(400, 'bad-request', mistakes.join('; '));
    }
    const client = data.client ?? null;
    if (client !== null && !options.policyView().clients.some(({ name }) => name === client)) {
      throw new AdminError(400, 'unknown-client', 'No client of this name is configured.');
    }
    return options.check(data.target, client);
  });
}

function answerErrorsAsJson(app: FastifyInstance): void {
  app.setErrorHandler<Error & { statusCode?: number; code?: string }>((error, _request, reply) => {
    const status = error.statusCode ?? 500;
    const token = error instanceof AdminError ? error.token : status < 500 ? 'bad-request' : 'internal-error';
    const explanation =
      status < 500 || error instanceof AdminError ? error.message : 'The proxy failed; its log says why.';
    const details = error instanceof AdminError ? error.details : {};
    return reply.code(status).send({ error: token, explanation, ...details });
  });
  app.setNotFoundHandler((_request, reply) =>
    reply.code(404).send({ error: 'not-found', explanation: 'There is nothing here. The page is at /.' }),
  );
}
