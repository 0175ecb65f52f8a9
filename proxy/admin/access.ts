/**
 * Who may read the admin API. A web page that someone opens must get nothing through their browser: neither by a
 * request across origins nor by DNS rebinding, where the browser believes that we are the page's own server.
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { parseHostField } from '../core/target.js';
import { AdminError, type AdminOptions } from './options.js';

const COOKIE = 'egress_admin';
/** For probes of an orchestrator, which has no token; they tell nothing but a state. */
const OPEN_PATHS = new Set(['/healthz', '/readyz']);

const HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; " +
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
} as const;

/** Checks every request before its handler. `token` null: none is needed, the listener is on loopback. */
export function guardAccess(app: FastifyInstance, options: Pick<AdminOptions, 'token' | 'next'>): void {
  app.addHook('onRequest', async (request, reply) => {
    reply.headers(HEADERS);
    const path = request.url.split('?', 1)[0] ?? '';
    if (OPEN_PATHS.has(path)) return;
    const tokens = [options.token, options.next ?? null].filter((token) => token !== null);
    const bearer = hasBearer(request, tokens);
    refuseForeignHost(request, bearer);
    refuseForeignOrigin(request, path);
    if (tokens.length > 0 && !bearer) return admitBrowser(request, reply, path, tokens);
  });
}

/**
 * Rebinding needs a name that the attacker owns: without the token in a header, which no page can make a browser send
 * to a foreign server, only an address or localhost may be the Host.
 */
function refuseForeignHost(request: FastifyRequest, bearer: boolean): void {
  const fields = request.raw.rawHeaders.filter((name, i) => i % 2 === 0 && name.toLowerCase() === 'host');
  const host = parseHostField(request.headers.host ?? '');
  if (fields.length !== 1 || !host.ok) throw new AdminError(400, 'bad-host', 'The request needs one valid Host field.');
  const { host: named } = host.value;
  const own = named.kind === 'literal' || named.name === 'localhost' || named.name.endsWith('.localhost');
  if (own || bearer) return;
  throw new AdminError(
    403,
    'foreign-host',
    'By a name other than localhost this API answers only to the token in an Authorization field.',
  );
}

function refuseForeignOrigin(request: FastifyRequest, path: string): void {
  const { origin, host } = request.headers;
  const site = request.headers['sec-fetch-site'];
  const foreign = origin !== undefined && origin.toLowerCase() !== `http://${host?.toLowerCase()}`;
  const crossSite = site !== undefined && site !== 'same-origin' && site !== 'none';
  if (!foreign && !(crossSite && path !== '/')) return;
  throw new AdminError(403, 'foreign-origin', 'Pages of other origins get nothing from this API.');
}

/** The token once in the URL, as Jupyter does, is answered with a cookie and a URL without it. */
function admitBrowser(
  request: FastifyRequest,
  reply: FastifyReply,
  path: string,
  tokens: readonly string[],
): FastifyReply | undefined {
  const given = new URLSearchParams(request.url.split('?')[1] ?? '').get('token');
  const token = given === null ? undefined : tokens.find((one) => isSame(given, one));
  if (token !== undefined) {
    reply.header('set-cookie', `${COOKIE}=${cookieValue(token)}; HttpOnly; SameSite=Strict; Path=/`);
    return path === '/' ? reply.redirect('/', 303) : undefined;
  }
  if (cookiesOf(request).some((value) => tokens.some((one) => isSame(value, cookieValue(one))))) return undefined;
  reply.header('www-authenticate', 'Bearer realm="mcp-egress-proxy"');
  throw new AdminError(
    401,
    'unauthenticated',
    'This needs admin.token: in the field Authorization: Bearer TOKEN, or, in a browser, once as /?token=TOKEN.',
  );
}

function hasBearer(request: FastifyRequest, tokens: readonly string[]): boolean {
  const match = /^bearer +(\S+)$/i.exec(request.headers.authorization ?? '');
  const given = match?.[1];
  return given !== undefined && tokens.some((token) => isSame(given, token));
}

/** What the browser keeps is not the token, and is void when the token changes. */
function cookieValue(token: string): string {
  return createHmac('sha256', token).update('mcp-egress-proxy admin cookie').digest('hex');
}

function cookiesOf(request: FastifyRequest): string[] {
  const pairs = (request.headers.cookie ?? '').split(';').map((pair) => pair.trim());
  return pairs.filter((pair) => pair.startsWith(`${COOKIE}=`)).map((pair) => pair.slice(COOKIE.length + 1));
}

/** In a time that tells nothing of where the two differ. */
function isSame(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
