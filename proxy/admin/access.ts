/**
 * Who may read the admin API, and who may write. A web page that someone opens must get nothing through their browser, neither by a
 * cross-origin request nor by DNS rebinding, where the browser takes this for the page's own server.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { parseHostField } from '../core/target.js';
import { isSameSecret } from '../door/same-secret.js';
import { ANSWER_FIELDS } from './answer-fields.js';
import { AdminError, type AdminOptions } from './options.js';
import { isPartOfPage, isPartOfSignIn, offerSignIn } from './page.js';
import type { Sessions } from './sessions.js';

const COOKIE = 'egress_admin';
/** What only the page has besides its cookie: in this field, or in the query where a page cannot set fields (links, event streams). */
const KEY = 'x-egress-key';
/** Where a token is presented, and where a caller learns that one is needed. */
const SESSION = '/v1/session';
/** A POST that changes nothing. */
const CHECK = '/v1/check';

type Keys = Pick<AdminOptions, 'token' | 'next' | 'writeToken'>;

/**
 * Checks every request before its handler, except probes, which have no token (front.ts). `token` null: reading needs none, since the listener is on loopback; writing
 * always needs one.
 */
export function guardAccess(app: FastifyInstance, options: Keys, sessions: Sessions): void {
  app.addHook('onRequest', async (request, reply) => {
    reply.headers(ANSWER_FIELDS);
    const path = request.url.split('?', 1)[0] ?? '';
    const tokens = tokensOf(options);
    const bearer = hasBearer(request, tokens);
    refuseForeignHost(request, bearer);
    refuseForeignOrigin(request, path);
    const isWrite = !['GET', 'HEAD'].includes(request.method) && path !== CHECK;
    if (isWrite) refuseOtherContent(request);
    if (bearer || (path === SESSION && request.method !== 'DELETE')) return;
    if (isWrite) return admitWriter(request, reply, tokens, sessions);
    return admitBrowser(request, reply, { path, options, sessions });
  });
}

/** True if the request may write. */
export function mayWrite(request: FastifyRequest, options: Keys, sessions: Sessions): boolean {
  const tokens = tokensOf(options);
  return hasBearer(request, tokens) || hasSession(request, tokens, sessions);
}

/** True as long as the answer to this request may go on: for answers that do not end. */
export function mayStillRead(request: FastifyRequest, options: Keys, sessions: Sessions): boolean {
  const tokens = tokensOf(options);
  if (isReadingOpen(options) || hasBearer(request, tokens)) return true;
  return hasCookie(request, tokens, sessions);
}

/** True if a request may write by its cookie rather than a token in a field: it comes from the page. */
export function isByCookie(request: FastifyRequest): boolean {
  return request.headers.authorization === undefined;
}

/** `cookie`: the field that makes the browser show it from now on. */
export interface SignedIn {
  readonly cookie: string;
  readonly key: string;
}

/** Opens a session for whoever has shown `given`, and voids the cookie that the browser had. Null if `given` is not a token. */
export function signIn(request: FastifyRequest, given: string, options: Keys, sessions: Sessions): SignedIn | null {
  const token = tokensOf(options).find((one) => isSameSecret(given, one));
  if (token === undefined) return null;
  for (const value of cookiesOf(request)) sessions.end(value);
  const { value, key } = sessions.start(token);
  return { cookie: cookieField(value), key };
}

/** Ends the session of this browser, or, given the token in a field, every session. Returns the field that deletes the cookie. */
export function signOut(request: FastifyRequest, sessions: Sessions): string {
  if (!isByCookie(request)) sessions.endAll();
  for (const value of cookiesOf(request)) sessions.end(value);
  return `${cookieField('')}; Max-Age=0`;
}

/** The listener is on loopback, and no token is configured. */
function isReadingOpen({ token, next }: Keys): boolean {
  return token === null && (next ?? null) === null;
}

function tokensOf({ token, next, writeToken }: Keys): readonly string[] {
  const configured = [token, next ?? null].filter((one) => one !== null);
  return configured.length > 0 ? configured : [writeToken ?? null].filter((one) => one !== null);
}

/** A form on another origin can send three content types without a preflight, and JSON is not one of them. */
function refuseOtherContent({ method, headers }: FastifyRequest): void {
  const type = headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase();
  if (type === 'application/json' || (method === 'DELETE' && type === undefined)) return;
  throw new AdminError(415, 'not-json', 'This takes JSON only: send Content-Type: application/json.');
}

/** With a cookie, only from the page itself: a browser sends Origin with every request that writes. */
function admitWriter(
  request: FastifyRequest,
  reply: FastifyReply,
  tokens: readonly string[],
  sessions: Sessions,
): undefined {
  if (hasSession(request, tokens, sessions) && request.headers.origin !== undefined) return undefined;
  throw unauthenticated(reply, 'Writing');
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
    'Under a name other than localhost, this API answers only requests that have the token in an Authorization field.',
  );
}

function refuseForeignOrigin(request: FastifyRequest, path: string): void {
  const { origin, host } = request.headers;
  const site = request.headers['sec-fetch-site'];
  const foreign = origin !== undefined && origin.toLowerCase() !== `http://${host?.toLowerCase()}`;
  const crossSite = site !== undefined && site !== 'same-origin' && site !== 'none';
  if (!foreign && !(crossSite && path !== '/')) return;
  throw new AdminError(403, 'foreign-origin', 'This API does not answer pages of other origins.');
}

interface Reading {
  readonly path: string;
  readonly options: Keys;
  readonly sessions: Sessions;
}

/** A token in the URL, as Jupyter does it, is answered once with a cookie and a URL that hands the page its key. */
function admitBrowser(
  request: FastifyRequest,
  reply: FastifyReply,
  { path, options, sessions }: Reading,
): FastifyReply | undefined {
  const tokens = tokensOf(options);
  const given = inQuery(request, 'token');
  const signed = given === null ? null : signIn(request, given, options, sessions);
  if (signed !== null) {
    reply.header('set-cookie', signed.cookie);
    return path === '/' ? reply.redirect(`/#key=${signed.key}`, 303) : undefined;
  }
  if (isReadingOpen(options) || isPartOfSignIn(path) || hasSession(request, tokens, sessions)) return undefined;
  // Without the key the page is empty, and asks for the token.
  if (isPartOfPage(path) && hasCookie(request, tokens, sessions)) return undefined;
  const error = unauthenticated(reply, 'This');
  if (offerSignIn(request, reply)) return reply;
  throw error;
}

function unauthenticated(reply: FastifyReply, what: string): AdminError {
  reply.header('www-authenticate', 'Bearer realm="mcp-egress-proxy"');
  return new AdminError(
    401,
    'unauthenticated',
    `${what} needs admin.token: in the field Authorization: Bearer TOKEN, or, in a browser, once as /?token=TOKEN. If none is configured, it is in the file admin-token of the state folder.`,
  );
}

function hasBearer(request: FastifyRequest, tokens: readonly string[]): boolean {
  const match = /^bearer +(\S+)$/i.exec(request.headers.authorization ?? '');
  const given = match?.[1];
  return given !== undefined && tokens.some((token) => isSameSecret(given, token));
}

function cookieField(value: string): string {
  return `${COOKIE}=${value}; HttpOnly; SameSite=Strict; Path=/`;
}

/** By cookie and key: the cookie alone, which every server on this host is sent, opens nothing. */
function hasSession(request: FastifyRequest, tokens: readonly string[], sessions: Sessions): boolean {
  const field = request.headers[KEY];
  const key = typeof field === 'string' ? field : request.method === 'GET' ? inQuery(request, 'key') : null;
  return key !== null && cookiesOf(request).some((value) => sessions.admits({ value, key }, tokens));
}

function hasCookie(request: FastifyRequest, tokens: readonly string[], sessions: Sessions): boolean {
  return cookiesOf(request).some((value) => sessions.isOpen(value, tokens));
}

function inQuery({ url }: FastifyRequest, name: string): string | null {
  return new URLSearchParams(url.split('?')[1] ?? '').get(name);
}

function cookiesOf(request: FastifyRequest): string[] {
  const pairs = (request.headers.cookie ?? '').split(';').map((pair) => pair.trim());
  return pairs.filter((pair) => pair.startsWith(`${COOKIE}=`)).map((pair) => pair.slice(COOKIE.length + 1));
}
