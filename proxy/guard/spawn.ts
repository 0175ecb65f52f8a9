/** Creates a tool: volumes, name, address and lease first, then the one create request that the engine gets. */
import type { GuardConfig } from '../config/guard-config.js';
import { type ImageName, parseImageName } from '../core/image-pattern.js';
import type { Lease } from '../core/lease.js';
import { canonicalRequest, canonicalVolume } from './canonical.js';
import { type CreateRequest, type RequestNote, readCreateRequest } from './create-request.js';
import type { Custody } from './custody.js';
import { type Engine, type EngineAnswer, jsonOf } from './engine.js';
import { containerName } from './identity.js';
import { quote, Refused, refuse } from './refusal.js';
import { isContainerId } from './roster.js';
import type { Json } from './strict-json.js';
import { readToolsNetwork } from './tools-network.js';

export interface SpawnOptions {
  readonly config: GuardConfig;
  readonly engine: Engine;
  readonly custody: Custody;
  /** Six random hex digits. */
  readonly random: () => string;
  /** Fills in what is known so far, for the record. */
  readonly note: (known: SpawnNote) => void;
}

export interface SpawnNote extends RequestNote {
  readonly container?: string;
  readonly address?: string | null;
}

export interface SpawnOrder {
  readonly api: number;
  readonly platform: string | null;
  readonly body: Json;
}

/** The engine's answer. Throws `Refused`. */
export async function spawnTool(order: SpawnOrder, options: SpawnOptions): Promise<EngineAnswer> {
  const { config, custody } = options;
  const request = readCreateRequest(order.body, config, options.note);
  const { name: server } = request.claim.server;
  const container = containerName(request.claim, options.random());
  options.note({ server, container });
  if (custody.roster.size >= config.limits.containers) {
    const message = `there are ${config.limits.containers} tools already (guard.limits.containers)`;
    throw new Refused(refuse('limit-reached', message));
  }
  return custody.roster.reserve(async () => {
    if (request.image.digest !== null) await checkDigest(request.image, options);
    for (const volume of request.volumes) await ensureVolume(volume, options);
    const lease = await takeLease(request, container, options);
    options.note({ address: lease?.address ?? null });
    return create(order, request, { container, lease }, options);
  });
}

/** Null if the guard gives it no address: without a network, or without a range to give one from. Throws `Refused`. */
async function takeLease(request: CreateRequest, container: string, options: SpawnOptions): Promise<Lease | null> {
  const { config, custody, engine } = options;
  const { server } = request.claim;
  if (request.network === 'none') return null;
  const { subnet, ownRange, taken } = await readToolsNetwork(engine, config.network);
  const spare = ownRange === null ? null : subnet;
  const range = server.addresses ?? config.defaults.addresses ?? spare;
  if (range === null) return null;
  const lease = custody.lease(server, { range, taken: ownRange === null ? taken : [ownRange, ...taken] }, container);
  if (lease !== null) return lease;
  const message = `no address of ${range.text} is free for the server ${quote(server.name)}; try again, or give it more addresses`;
  throw new Refused(refuse('no-free-address', message));
}

async function create(
  { api, platform }: SpawnOrder,
  request: CreateRequest,
  { container, lease }: { readonly container: string; readonly lease: Lease | null },
  { config, engine, custody }: SpawnOptions,
): Promise<EngineAnswer> {
  const query = new URLSearchParams({ name: container, ...(platform === null ? {} : { platform }) });
  const body = canonicalRequest(request, { address: lease?.address ?? null }, config);
  let answer: EngineAnswer;
  try {
    answer = await engine.ask({ method: 'POST', path: `/v1.${api}/containers/create?${query}`, body });
  } catch (error) {
    // It may have been created nevertheless. The engine's list will tell, and until then nobody else gets its address.
    custody.doubt(lease);
    throw error;
  }
  const created = jsonOf(answer.body);
  const id: unknown = typeof created === 'object' && created !== null ? Reflect.get(created, 'Id') : null;
  if (answer.status !== 201 || !isContainerId(id)) {
    custody.release(lease);
    return answer.status === 201 ? { ...answer, status: 502 } : answer;
  }
  const { name: server } = request.claim.server;
  custody.add({ id, name: container, server, lease, isDetached: !request.isAttached, isStarted: false, followers: 0 });
  return answer;
}

/** Needed because some engines find an image by digest alone, under any name. A missing image is for the engine to report. */
async function checkDigest(image: ImageName, { engine }: SpawnOptions): Promise<void> {
  const { status, body } = await engine.ask({ method: 'GET', path: `/images/${image.text}/json` });
  if (status === 404) return;
  const found = jsonOf(body);
  const digests: unknown = typeof found === 'object' && found !== null ? Reflect.get(found, 'RepoDigests') : null;
  const names = Array.isArray(digests) ? digests.map((text) => parseImageName(String(text))) : [];
  if (names.some((one) => one?.name === image.name && one.digest === image.digest)) return;
  const message = `the engine has no image ${image.text}: it knows the digest under another name`;
  throw new Refused(refuse('image-not-listed', message, 'Image'));
}

/** Makes the volume, or checks that it is a plain one of the engine's: a driver's options could name any path of the host. */
async function ensureVolume(name: string, { config, engine }: SpawnOptions): Promise<void> {
  const found = await engine.ask({ method: 'GET', path: `/volumes/${name}` });
  if (found.status === 404) {
    const made = await engine.ask({ method: 'POST', path: '/volumes/create', body: canonicalVolume(name, config) });
    // Somebody else may have made one of this name in between, and the engine then answers with that one.
    if (made.status === 201 && isPlainVolume(made.body)) return;
  } else if (found.status === 200 && isPlainVolume(found.body)) return;
  const message = `the volume ${quote(name)} is not a plain one of the driver "local": its options may name any path`;
  throw new Refused(refuse('volume-not-listed', message, 'HostConfig.Mounts'));
}

function isPlainVolume(body: Buffer): boolean {
  const volume = jsonOf(body);
  if (typeof volume !== 'object' || volume === null) return false;
  const { Driver: driver, Options: options } = volume as Record<string, unknown>;
  const isBare =
    options === null || options === undefined || (typeof options === 'object' && Object.keys(options).length === 0);
  return driver === 'local' && isBare;
}
