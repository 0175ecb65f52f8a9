/** The session of a browser: a token is exchanged for a cookie. */
import type { FastifyInstance } from 'fastify';
import { Fields } from '../decide/fields.js';
import { endedCookie, mayWrite, sessionCookie } from './access.js';
import { AdminError, type AdminOptions } from './options.js';

const LONGEST_TOKEN = 255;

export function addSession(app: FastifyInstance, options: AdminOptions): void {
  app.get('/v1/session', async (request) => ({
    canWrite: mayWrite(request, options),
    needsToken: options.token !== null || (options.next ?? null) !== null,
    decides: options.runTime !== undefined,
  }));
  app.post('/v1/session', async ({ body }, reply) => {
    const given = new Fields(body, ['token']).text('token', LONGEST_TOKEN);
    const cookie = given === null ? null : sessionCookie(given, options);
    if (cookie === null) throw new AdminError(401, 'unauthenticated', 'This is not the token.');
    reply.header('set-cookie', cookie);
    return { canWrite: true };
  });
  app.delete('/v1/session', async (_request, reply) => {
    options.runTime?.book.endSessions();
    reply.header('set-cookie', endedCookie());
    return { canWrite: false };
  });
}
