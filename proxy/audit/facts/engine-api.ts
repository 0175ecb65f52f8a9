/** The Engine API, by GET only: nothing that this client can send changes anything. */

import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { join } from 'node:path';
import { hostPortText } from '../../core/target.js';
import { AuditError } from './audit-error.js';
import { codeOf, MOST_BYTES, readStream } from './bounded-read.js';
import type { EngineFacts, ImageFacts } from './facts.js';
import { readContainer, readImage, readNetwork } from './inspect.js';
import { at, field, type Json, list, parseJson, text, texts } from './json.js';

export interface EngineEnvironment {
  readonly DOCKER_HOST?: string | undefined;
  readonly DOCKER_TLS_VERIFY?: string | undefined;
  readonly DOCKER_CERT_PATH?: string | undefined;
}

const ANSWER_MS = 10_000;
/** Requests at a time, and containers at most. */
const AT_ONCE = 8;
const MOST_CONTAINERS = 2000;

/** Everything that the checks ask of an engine. Throws an AuditError where it cannot be asked. */
export async function readEngine(env: EngineEnvironment): Promise<EngineFacts> {
  const get = client(env);
  const listed = list(await get('/containers/json?all=1')).map((item) => text(field(item, 'Id')) ?? '');
  const ids = listed.filter((id) => /^[0-9a-f]{12,64}$/.test(id)).slice(0, MOST_CONTAINERS);
  // A container may end between the two requests, and is then left out.
  const roots = await inTurns(ids, (id) => get(`/containers/${id}/json`).catch(() => null));
  const containers = roots.filter((root) => root !== null).map(readContainer);
  const networks = list(await get('/networks')).map(readNetwork);
  const images = await readImages(containers, get);
  return { containers, networks, images, daemon: daemonOf(await get('/info'), await get('/version')) };
}

/** Every subnet that the engine has given to a network. Throws as `readEngine` does. */
export async function readSubnets(env: EngineEnvironment): Promise<readonly string[]> {
  const configs = list(await client(env)('/networks')).flatMap((network) => list(at(network, 'IPAM', 'Config')));
  return configs.flatMap((config) => text(field(config, 'Subnet')) ?? []);
}

/** What each image name refers to now. */
async function readImages(containers: EngineFacts['containers'], get: Get): Promise<readonly ImageFacts[]> {
  const names = [...new Set(containers.map(({ image }) => image))].filter((name) => name !== '');
  const found = await inTurns(names, async (name) => {
    const root = await get(`/images/${encodeURIComponent(name)}/json`).catch(() => null);
    if (root === null) return null;
    const image = readImage(root);
    return { ...image, tags: [...image.tags, name] };
  });
  return found.filter((image) => image !== null);
}

function daemonOf(info: Json, version: Json): EngineFacts['daemon'] {
  const options = texts(field(info, 'SecurityOptions'));
  return {
    version: text(field(version, 'Version')) ?? '',
    operatingSystem: text(field(info, 'OperatingSystem')) ?? '',
    hasNoNewPrivileges: options.some((option) => option.split(',').includes('name=no-new-privileges')),
    hasAuthorization: texts(at(info, 'Plugins', 'Authorization')).length > 0,
  };
}

type Get = (path: string) => Promise<Json>;

function client(env: EngineEnvironment): Get {
  const { module, options, shown } = endpoint(env);
  return async (path) => {
    const response = await new Promise<http.IncomingMessage>((resolve, reject) => {
      const request = module.request({ ...options, path, method: 'GET', headers: { host: 'docker' } }, resolve);
      request.setTimeout(ANSWER_MS, () => request.destroy(new AuditError(`the engine at ${shown} does not answer`)));
      request.on('error', (error) => reject(error instanceof AuditError ? error : unreachable(shown, error)));
      request.end();
    });
    const body = await readStream(response, MOST_BYTES).catch((error) => {
      throw error instanceof AuditError ? error : unreachable(shown, error);
    });
    if (response.statusCode !== 200) {
      throw new AuditError(`the engine at ${shown} answers ${response.statusCode} to GET ${path.split('?', 1)[0]}`);
    }
    return parseJson(body, `what the engine at ${shown} sent`);
  };
}

interface Endpoint {
  readonly module: typeof http | typeof https;
  readonly options: https.RequestOptions;
  readonly shown: string;
}

function endpoint(env: EngineEnvironment): Endpoint {
  const fallback = process.platform === 'win32' ? 'npipe:////./pipe/docker_engine' : 'unix:///var/run/docker.sock';
  const address = env.DOCKER_HOST === undefined || env.DOCKER_HOST === '' ? fallback : env.DOCKER_HOST;
  const [, scheme = '', rest = ''] = /^(unix|npipe|tcp|https?):\/\/(.*)$/.exec(address) ?? [];
  if (scheme === 'unix' || scheme === 'npipe') return { module: http, options: { socketPath: rest }, shown: address };
  const url = URL.canParse(`http://${rest}`) ? new URL(`http://${rest}`) : null;
  if (scheme === '' || url === null || url.hostname === '') {
    throw new AuditError('DOCKER_HOST is not unix://, npipe://, tcp:// or https://: pipe docker inspect in instead');
  }
  const isTls = scheme === 'https' || (env.DOCKER_TLS_VERIFY ?? '') !== '';
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const options = { host, port: url.port === '' ? (isTls ? 2376 : 2375) : Number(url.port) };
  const shown = hostPortText(host, options.port);
  if (!isTls) return { module: http, options, shown };
  return { module: https, options: { ...options, ...certificates(env.DOCKER_CERT_PATH) }, shown };
}

function certificates(folder: string | undefined): https.RequestOptions {
  if (folder === undefined || folder === '') return {};
  const read = (name: string): Buffer => {
    try {
      return readFileSync(join(folder, name));
    } catch (error) {
      throw new AuditError(`${JSON.stringify(join(folder, name))} cannot be read (${codeOf(error)})`);
    }
  };
  return { ca: read('ca.pem'), cert: read('cert.pem'), key: read('key.pem') };
}

function unreachable(shown: string, error: unknown): AuditError {
  const code = codeOf(error);
  const hints: Readonly<Record<string, string>> = {
    EACCES: ': run it as root or in the group of the socket, or pipe docker inspect in',
    ENOENT: ': set DOCKER_HOST to what docker context ls shows, or pipe docker inspect in',
  };
  const hint = hints[code] ?? '';
  return new AuditError(`the engine at ${shown} cannot be reached (${code})${hint}`);
}

async function inTurns<T, R>(items: readonly T[], run: (item: T) => Promise<R>): Promise<readonly R[]> {
  const results: R[] = [];
  for (let start = 0; start < items.length; start += AT_ONCE) {
    results.push(...(await Promise.all(items.slice(start, start + AT_ONCE).map(run))));
  }
  return results;
}
