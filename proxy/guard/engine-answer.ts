/** What of the engine's answers a client gets, and which requests may not have a body. */
import type { EngineAnswer, EngineError } from './engine.js';
import { API_MINORS } from './operation.js';
import { Refused, refuse, type SpawnRefusal } from './refusal.js';
import type { RequestHead } from './request-head.js';

/** Header fields of the engine's answers that clients read. */
const CARRIED_FIELDS = ['api-version', 'ostype', 'builder-version', 'docker-experimental', 'content-type'] as const;

/** Refuses a body, because the engine prefers the values of a form to those of the query. */
export function checkNoBody({ contentLength, fields, method }: RequestHead): void {
  if (contentLength > 0) throw new Refused(refuse('body-refused', 'this request takes no body'));
  const type = fields.get('content-type');
  const isPlain = type === undefined || type === 'text/plain' || (method === 'POST' && type === 'application/json');
  if (!isPlain) throw new Refused(refuse('body-refused', 'this request takes no Content-Type'));
}

export function carried(headers: EngineAnswer['headers']): Record<string, string> {
  return Object.fromEntries(
    CARRIED_FIELDS.flatMap((name) => {
      const value = headers[name];
      return typeof value === 'string' ? [[name, value]] : [];
    }),
  );
}

/** The answer with a version of the API that the tables know, so that no client speaks a newer one. */
export function clamped(answer: EngineAnswer): EngineAnswer {
  const minor = minorOf(answer.headers['api-version']);
  const version = minor === null ? {} : { 'api-version': `1.${Math.min(minor, API_MINORS.most)}` };
  return { ...answer, headers: { ...answer.headers, ...version } };
}

/** 45 of `1.45`; null for anything else. */
export function minorOf(version: unknown): number | null {
  const [, minor] = typeof version === 'string' ? (/^1\.(\d{1,3})$/.exec(version) ?? []) : [];
  return minor === undefined ? null : Number(minor);
}

export function unreachable(error: EngineError): SpawnRefusal {
  return refuse('engine-unreachable', `the engine did not answer the spawn guard: ${error.message}`);
}

/** The engine's own message, cut to a bounded length. */
export function messageOf(body: Buffer): string {
  return body.toString('utf8').slice(0, 300);
}
