/** A browser's session: a token is exchanged for a cookie and a key. */
import type { FastifyInstance } from 'fastify';
import { Fields } from '../decide/fields.js';
import { mayWrite, signIn, signOut } from './access.js';
import { AdminError, type AdminOptions } from './options.js';
import type { Sessions } from './sessions.js';

const LONGEST_TOKEN = 255;

export function addSession(app: FastifyInstance, options: AdminOptions, sessions: Sessions): void {
  app.get('/v1/session', async (request) => ({
    canWrite: mayWrite(request, options, sessions),
    needsToken: options.token !== null || (options.next ?? null) !== null,
    decides: options.runTime !== undefined,
  }));
  app.post('/v1/session', async (request, reply) => {
    const given = new Fields(request.body, ['token']).text('token', LONGEST_TOKEN);
    const signed = given === null ? null : signIn(request, given, options, sessions);
    if (signed === null) throw new AdminError(401, 'unauthenticated', 'This is not the token.');
    reply.header('set-cookie', signed.cookie);
    return { canWrite: true, key: signed.key };
  });
  app.delete('/v1/session', async (request, reply) => {
    reply.header('set-cookie', signOut(request, sessions));
    return { canWrite: false };
  });
}
