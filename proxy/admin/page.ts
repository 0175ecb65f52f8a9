/** The page: static files beside this one, read once at the start. */
import { readdirSync, readFileSync } from 'node:fs';
import { extname } from 'node:path';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

const FOLDER = new URL('../admin/page/', import.meta.url);
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** What a browser that has not shown the token gets: a form for it, and the files of that form. They hold no data. */
const SIGN_IN_PAGE = 'sign-in.html';
const FILES: ReadonlySet<string> = new Set(readdirSync(FOLDER));
const SIGN_IN_PATHS = new Set([
  '/again.js',
  '/sign-in.js',
  '/session.js',
  '/api.js',
  '/dom.js',
  '/page.css',
  '/icon.svg',
]);

/** True for the parts of the form, which need no token. */
export function isPartOfSignIn(path: string): boolean {
  return SIGN_IN_PATHS.has(path);
}

/** True for the files of the page: they hold no data, either. */
export function isPartOfPage(path: string): boolean {
  return path === '/' || FILES.has(path.slice(1));
}

/** Answers with the form if a browser asks for the page: true if it did. The status stays 401. */
export function offerSignIn({ url, headers }: FastifyRequest, reply: FastifyReply): boolean {
  const isPage = url.split('?', 1)[0] === '/' && (headers.accept ?? '').includes('text/html');
  if (isPage)
    reply
      .code(401)
      .type(TYPES['.html'] ?? '')
      .send(readFileSync(new URL(SIGN_IN_PAGE, FOLDER)));
  return isPage;
}

export function addPage(app: FastifyInstance): void {
  for (const file of readdirSync(FOLDER)) {
    if (file === SIGN_IN_PAGE) continue;
    const type = TYPES[extname(file)];
    if (type === undefined) continue;
    const content = readFileSync(new URL(file, FOLDER));
    const path = file === 'index.html' ? '/' : `/${file}`;
    app.get(path, async (_request, reply) => reply.type(type).send(content));
  }
}
