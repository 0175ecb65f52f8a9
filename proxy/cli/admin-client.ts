/** The admin API of the instance beside a command: its address and its token, found as the instance finds them. */
import { dirname } from 'node:path';
import { interpolate } from '../config/interpolate.js';
import { readSecretFile } from '../config/secret-file.js';
import { readSource } from '../config/yaml-source.js';
import { readToken, stateFolder } from '../decide/state-folder.js';
import { configPath } from './config-path.js';

export interface AdminClient {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The answer as JSON; throws an AdminRefusal where it is an error, and an Unreachable if there is none. */
  send(method: 'GET' | 'POST' | 'DELETE', path: string, body?: unknown): Promise<unknown>;
}

/** The API has refused: its explanation, and its whole answer. */
export class AdminRefusal extends Error {
  readonly answer: unknown;
  constructor(message: string, answer: unknown) {
    super(message);
    this.answer = answer;
  }
}

export class Unreachable extends Error {}

const TIMEOUT_MS = 15_000;

/** Throws an Unreachable where the configuration has no admin API. Reads no more of the file than it needs. */
export function adminClient(
  config: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): AdminClient {
  const path = configPath(config);
  const folder = dirname(path);
  const { root } = interpolate(readSource(path).root, env, (file) => readSecretFile(file, folder));
  const listen = textAt(root, ['listen', 'admin'], '127.0.0.1:9180');
  if (listen === 'off')
    throw new Unreachable(
      'listen.admin is off in this configuration, so there is no instance to ask: turn it on and restart the proxy',
    );
  const configured = textAt(root, ['admin', 'token'], 'off');
  const state = textAt(root, ['state', 'path'], env.EGRESS_STATE ?? '');
  const kept = stateFolder(state === '' ? undefined : state === 'off' ? null : state, path);
  const token = configured !== 'off' ? configured : kept === null ? null : readToken(kept);
  const url = `http://${local(listen)}`;
  const headers = {
    'user-agent': 'egress-proxy',
    ...(token === null ? {} : { authorization: `Bearer ${token}` }),
  };
  return { url, headers, send: (method, at, body) => send(`${url}${at}`, { method, headers, body }) };
}

async function send(
  url: string,
  { method, headers, body }: { method: string; headers: Readonly<Record<string, string>>; body: unknown },
): Promise<unknown> {
  const isPost = method === 'POST';
  const content = isPost ? { body: JSON.stringify(body ?? {}) } : {};
  const fields = { ...headers, ...(isPost ? { 'content-type': 'application/json' } : {}) };
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const response = await fetch(url, { method, headers: fields, ...content, signal, redirect: 'error' }).catch(
    (error) => {
      const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
      throw new Unreachable(
        `no answer from ${new URL(url).host} (${cause}): is the proxy running, with this configuration?`,
      );
    },
  );
  const answer: unknown = await response.json().catch(() => null);
  if (response.ok) return answer;
  const explanation = typeof answer === 'object' && answer !== null ? Reflect.get(answer, 'explanation') : null;
  throw new AdminRefusal(
    typeof explanation === 'string'
      ? explanation
      : `${new URL(url).host} answered with status ${response.status}: is it the admin API?`,
    answer,
  );
}

function textAt(root: unknown, path: readonly string[], fallback: string): string {
  const value = path.reduce<unknown>(
    (at, key) => (typeof at === 'object' && at !== null ? Reflect.get(at, key) : undefined),
    root,
  );
  if (value === null && path[0] === 'listen') return 'off';
  return typeof value === 'string' && value !== '' ? value : fallback;
}

function local(hostAndPort: string): string {
  return hostAndPort.replace(/^0\.0\.0\.0:/, '127.0.0.1:').replace(/^\[::\]:/, '[::1]:');
}
