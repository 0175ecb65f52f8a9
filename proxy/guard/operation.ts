/**
 * Which operation a request asks for. Only those that docker/mcp-gateway and its Docker CLI use are known; everything else is
 * refused. An operation holds parsed values, so that no text of the client reaches the engine unchecked.
 */
import { type ImageName, parseImageName } from '../core/image-pattern.js';
import { notFound, quote, refuse, type SpawnRefusal } from './refusal.js';
import type { RequestHead } from './request-head.js';

/** The minor number of the engine's API: 45 for `/v1.45/`. */
export type ApiMinor = number;

/** What may be done to a container that the guard has made. */
export type ContainerAction = 'attach' | 'wait' | 'start' | 'kill' | 'stop' | 'resize' | 'remove' | 'inspect';

export type Operation =
  | { readonly kind: 'ping'; readonly method: 'GET' | 'HEAD' }
  | { readonly kind: 'version'; readonly api: ApiMinor }
  | { readonly kind: 'create'; readonly api: ApiMinor; readonly platform: string | null }
  | {
      readonly kind: 'container';
      readonly action: ContainerAction;
      readonly api: ApiMinor;
      /** As the client wrote it: a whole id or the start of one. */
      readonly reference: string;
      /** The query for the engine, made from parsed values: empty, or with its question mark. */
      readonly query: string;
    }
  | { readonly kind: 'image'; readonly api: ApiMinor; readonly image: ImageName }
  | { readonly kind: 'pull'; readonly api: ApiMinor; readonly image: ImageName; readonly platform: string | null }
  | { readonly kind: 'volume'; readonly api: ApiMinor; readonly name: string };

export type OperationResult =
  | { readonly ok: true; readonly operation: Operation }
  | { readonly ok: false; readonly refusal: SpawnRefusal };

/** The versions whose create requests the tables of fields.ts know. */
export const API_MINORS = { least: 40, most: 56 } as const;

const VERSIONED = /^\/v1\.(4\d|5[0-6])(\/.*)$/;
const CONTAINER = /^\/containers\/([A-Za-z0-9_.-]{1,128})(?:\/([a-z]+))?$/;
const VOLUME_NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/;
const FLAG = /^(?:0|1|true|false)$/;
const SIGNAL = /^(?:[A-Z0-9+-]{1,16}|\d{1,2})$/;
const COUNT = /^\d{1,5}$/;
const PLATFORM = /^linux\/(?:amd64|arm64|arm64\/v8)$/;

/** The keys of a query that an action accepts: passed on if the value has this form; null: dropped. */
type Keys = Readonly<Record<string, RegExp | null>>;

const ACTIONS: Readonly<Record<string, { readonly action: ContainerAction; readonly keys: Keys }>> = {
  'POST attach': {
    action: 'attach',
    keys: { stream: FLAG, stdin: FLAG, stdout: FLAG, stderr: FLAG, logs: FLAG, detachKeys: null },
  },
  'POST wait': { action: 'wait', keys: { condition: /^(?:not-running|next-exit|removed)$/ } },
  'POST start': { action: 'start', keys: {} },
  'POST kill': { action: 'kill', keys: { signal: SIGNAL } },
  'POST stop': { action: 'stop', keys: { t: /^(?:[1-5]?\d|60)$/, signal: SIGNAL } },
  'POST resize': { action: 'resize', keys: { h: COUNT, w: COUNT } },
  'GET json': { action: 'inspect', keys: {} },
  'DELETE ': { action: 'remove', keys: { force: FLAG, v: FLAG } },
};

/** A refused read becomes "not found", the only error there that the gateway survives. */
export function readOperation(head: RequestHead): OperationResult {
  const { method, path } = head;
  if ((method === 'GET' || method === 'HEAD') && /^(?:\/v1\.(?:4\d|5[0-6]))?\/_ping$/.test(path))
    return withQuery(head, {}, () => ({ kind: 'ping', method }));
  const [, minor, rest = ''] = VERSIONED.exec(path) ?? [];
  if (minor === undefined) return unknown(head);
  const api = Number(minor);
  const call = `${method} ${rest}`;
  if (call === 'GET /version') return withQuery(head, {}, () => ({ kind: 'version', api }));
  if (call === 'POST /containers/create')
    return withQuery(head, { name: null, platform: PLATFORM }, ({ platform = null }) => ({
      kind: 'create',
      api,
      platform,
    }));
  if (call === 'POST /images/create') return readPull(head, api);
  const [, image] = /^\/images\/(.+)\/json$/.exec(rest) ?? [];
  if (method === 'GET' && image !== undefined) return readImage(head, api, image);
  const [, volume] = /^\/volumes\/([^/]+)$/.exec(rest) ?? [];
  if (method === 'GET' && volume !== undefined && VOLUME_NAME.test(volume))
    return withQuery(head, {}, () => ({ kind: 'volume', api, name: volume }));
  return readContainer(head, api, rest);
}

function readContainer(head: RequestHead, api: ApiMinor, rest: string): OperationResult {
  const [, reference, word = ''] = CONTAINER.exec(rest) ?? [];
  const known = ACTIONS[`${head.method} ${word}`];
  if (reference === undefined || known === undefined || reference === 'create' || reference === 'prune')
    return unknown(head);
  const { action, keys } = known;
  return withQuery(head, keys, (values) => {
    const query = new URLSearchParams(Object.entries(values)).toString();
    return { kind: 'container', action, api, reference, query: query === '' ? '' : `?${query}` };
  });
}

function readImage(head: RequestHead, api: ApiMinor, text: string): OperationResult {
  const image = parseImageName(text);
  if (image === null)
    return no(notFound('image-not-listed', `No such image: ${quote(text)} is not the name of an image`));
  return withQuery(head, {}, () => ({ kind: 'image', api, image }));
}

/** Always with a tag, without which the engine would pull every tag. */
function readPull(head: RequestHead, api: ApiMinor): OperationResult {
  const keys = { fromImage: /./, tag: /./, platform: PLATFORM };
  return withQuery(head, keys, ({ fromImage = '', tag = '', platform = null }) => {
    const image = parseImageName(tag.startsWith('sha256:') ? `${fromImage}@${tag}` : `${fromImage}:${tag}`);
    if (image === null || /[@:]/.test(fromImage.slice(fromImage.lastIndexOf('/') + 1)))
      return refuse('pull-refused', 'a pull needs fromImage and tag, the name of one image', 'fromImage');
    return { kind: 'pull', api, image, platform };
  });
}

/** The values of the known keys, if they have their form. An unknown key refuses the request. */
function withQuery(
  head: RequestHead,
  keys: Keys,
  make: (values: Readonly<Record<string, string>>) => Operation | SpawnRefusal,
): OperationResult {
  const values: Record<string, string> = {};
  for (const [key, value] of head.query) {
    const form = Object.hasOwn(keys, key) ? keys[key] : undefined;
    if (form === undefined) return no(refuse('query-refused', `the query may not have ${key} here`, key));
    if (form === null || value === '') continue;
    if (!form.test(value)) return no(refuse('query-refused', `${quote(value)} is not accepted for ${key}`, key));
    values[key] = value;
  }
  const made = make(values);
  return 'reason' in made ? no(made) : { ok: true, operation: made };
}

/** Refusals in words: particular ones for what people run into, and a general one. */
function unknown({ method, path }: RequestHead): OperationResult {
  // `docker inspect NAME` asks for one kind of object after the other until one is found.
  const named =
    /^\/v1\.\d+\/(network|volume|service|task|node|plugin|secret|config)s\/([A-Za-z0-9_.-]{1,128})(?:\/json)?$/;
  const [, kind, name] = method === 'GET' ? (named.exec(path) ?? []) : [];
  if (kind !== undefined && name !== undefined)
    return no(notFound('endpoint-refused', `No such ${kind}: the spawn guard shows none (${quote(name)})`));
  const hint = HINTS.find(([pattern]) => pattern.test(path))?.[1] ?? 'it allows only what starting a tool needs';
  return no(refuse('endpoint-refused', `${method} ${path.slice(0, 80)} is refused by the spawn guard: ${hint}`));
}

const HINTS: readonly (readonly [RegExp, string])[] = [
  [/\/networks\//, 'leave --block-network off: the egress proxy does that job'],
  [/\/containers\/json$/, 'other containers are out of reach'],
  [/\/(?:exec|archive)/, 'nothing may be run in or copied into an existing container'],
  [/^\/(?!v1\.)/, 'a path must start with the API version, /v1.40 to /v1.56'],
];

function no(refusal: SpawnRefusal): OperationResult {
  return { ok: false, refusal };
}
