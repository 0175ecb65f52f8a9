/**
 * Reads a container's create request by the tables, as values to write a new one from. Pure. What is not in the result
 * reaches nobody, and what is in it was parsed here or is the guard's own.
 */
import type { GuardConfig, GuardServer } from '../config/guard-config.js';
import { type ImageName, parseImageName } from '../core/image-pattern.js';
import { environmentOf } from './environment.js';
import { FieldReader, malformed, refused } from './field-reader.js';
import {
  CONFIG_FIELDS,
  ENDPOINT_FIELDS,
  HEALTH_FIELDS,
  HOST_CONFIG_FIELDS,
  IPAM_FIELDS,
  LOG_FIELDS,
  NETWORKING_FIELDS,
  RESTART_FIELDS,
} from './fields.js';
import { admitImage, type Claim, readLabels } from './identity.js';
import { type Mount, readMounts } from './mounts.js';
import { quote } from './refusal.js';
import type { Json } from './strict-json.js';

/** What a client may choose. Everything else is set by canonical.ts. */
export interface CreateRequest {
  readonly claim: Claim;
  readonly image: ImageName;
  readonly network: 'tools' | 'none';
  readonly volumes: readonly string[];
  readonly isAttached: boolean;
  readonly config: Readonly<Record<string, unknown>>;
  readonly hostConfig: Readonly<Record<string, unknown>>;
}

const MOST_ARGUMENTS = 1024;
const MOST_ARGUMENT_OCTETS = 128 * 1024;
const STOP_SECONDS = 10;
const USER = /^(?:\d{1,10}|[a-z_][a-z0-9_-]{0,31})(?::(?:\d{1,10}|[a-z_][a-z0-9_-]{0,31}))?$/;
/** Above the default of 0, so that a tool is killed before what the host itself runs if memory is short. */
const OOM_SCORE = 300;

/** What a record says of a request even if it is refused. */
export interface RequestNote {
  readonly image?: string;
  readonly server?: string;
}

/** Throws `Refused` for the first field that is not accepted. `note` gets what is known before that. */
export function readCreateRequest(body: Json, config: GuardConfig, note: (known: RequestNote) => void): CreateRequest {
  if (body === null) throw malformed('', 'an object');
  const own = new FieldReader(body, CONFIG_FIELDS, '');
  const image = parseImageName(own.text('Image'));
  if (image === null) throw malformed('Image', 'the name of an image, such as docker.io/mcp/fetch');
  note({ image: image.text });
  const claim = readLabels(own.entries('Labels'), config);
  const { server } = claim;
  note({ server: claim.claimed ?? server.name });
  const host = own.below('HostConfig', HOST_CONFIG_FIELDS);
  admitImage(image, server, config);
  checkEmptyObjects(own, host);
  const network = readNetwork(host, server);
  checkEndpoints(own);
  const { mounts, volumes } = readMounts(host.texts('Binds'), host.list('Mounts'), server);
  const proxy = network === 'none' ? null : { http: config.proxy, socks: config.socks };
  return {
    claim,
    image,
    network,
    volumes,
    isAttached: own.flag('AttachStdin') || own.flag('AttachStdout') || own.flag('AttachStderr'),
    config: { ...readProcess(own, server), Env: environmentOf(own.texts('Env'), proxy), Image: image.text },
    hostConfig: { ...readLimits(host, server), ...readRoot(host, mounts, server) },
  };
}

/** Refuses fields that are objects and not empty. */
function checkEmptyObjects(own: FieldReader, host: FieldReader): void {
  own
    .below('Healthcheck', HEALTH_FIELDS)
    .texts('Test')
    .forEach((word) => {
      if (word !== 'NONE') throw refused('Healthcheck.Test');
    });
  host.below('LogConfig', LOG_FIELDS);
  const restart = host.below('RestartPolicy', RESTART_FIELDS).text('Name');
  if (restart !== '' && restart !== 'no')
    throw refused('HostConfig.RestartPolicy.Name', 'a tool is started once and never restarted');
  // An empty list would remove the engine's own masks.
  for (const key of ['MaskedPaths', 'ReadonlyPaths']) if (host.value(key) !== null) throw refused(host.at(key));
  const swappiness = host.whole('MemorySwappiness') ?? -1;
  if (swappiness !== -1 && swappiness !== 0) throw refused(host.at('MemorySwappiness'));
  for (const key of ['IpcMode', 'CgroupnsMode']) {
    if (!['', 'private'].includes(host.text(key)))
      throw refused(host.at(key), 'a tool shares no namespace with another container or the host');
  }
  for (const option of host.texts('SecurityOpt')) {
    if (!/^no-new-privileges(?:[:=]true)?$/.test(option))
      throw refused(host.at('SecurityOpt'), `${quote(option)} is not no-new-privileges`);
  }
}

function readProcess(own: FieldReader, server: GuardServer): Record<string, unknown> {
  const command = own.texts('Cmd');
  const octets = command.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  if (command.length > MOST_ARGUMENTS || octets > MOST_ARGUMENT_OCTETS)
    throw refused('Cmd', `it may have at most ${MOST_ARGUMENTS} arguments and ${MOST_ARGUMENT_OCTETS} octets`);
  const user = server.user ?? own.text('User');
  if (user !== '' && !USER.test(user)) throw malformed('User', 'a name or number, with an optional ":group"');
  const folder = own.text('WorkingDir');
  if (folder !== '' && (!folder.startsWith('/') || folder.split('/').includes('..') || folder.length > 1024))
    throw malformed('WorkingDir', 'an absolute path without ".."');
  const signal = own.text('StopSignal');
  if (signal !== '' && !/^(?:SIG[A-Z0-9+-]{1,12}|\d{1,2})$/.test(signal))
    throw malformed('StopSignal', 'the name of a signal');
  const [stdin, open] = [own.flag('AttachStdin'), own.flag('OpenStdin')];
  return {
    User: user,
    AttachStdin: stdin,
    AttachStdout: own.flag('AttachStdout'),
    AttachStderr: own.flag('AttachStderr'),
    Tty: own.flag('Tty'),
    OpenStdin: open,
    // Otherwise a tool would outlive its client.
    StdinOnce: open && stdin,
    ...(command.length === 0 ? {} : { Cmd: command }),
    ...(folder === '' ? {} : { WorkingDir: folder }),
    ...(signal === '' ? {} : { StopSignal: signal }),
    StopTimeout: atMost(own.whole('StopTimeout'), STOP_SECONDS, 'StopTimeout'),
  };
}

/** Any network but `none` becomes the tools' network: the gateway names its own, wherever that is. */
function readNetwork(host: FieldReader, server: GuardServer): 'tools' | 'none' {
  const mode = host.text('NetworkMode');
  if (/^(?:host$|container:|ns:)/i.test(mode) || mode.includes('/') || mode.length > 128)
    throw refused(host.at('NetworkMode'), `a tool is on its own network only, not on ${quote(mode)}`);
  return mode === 'none' ? 'none' : server.network;
}

function checkEndpoints(own: FieldReader): void {
  const networking = own.below('NetworkingConfig', NETWORKING_FIELDS);
  for (const [name, value] of networking.entries('EndpointsConfig')) {
    const path = `NetworkingConfig.EndpointsConfig.${name.slice(0, 64)}`;
    new FieldReader(value, ENDPOINT_FIELDS, path).below('IPAMConfig', IPAM_FIELDS);
  }
}

function readLimits(host: FieldReader, { limits }: GuardServer): Record<string, unknown> {
  const memory = atMost(host.whole('Memory'), limits.memoryBytes, host.at('Memory'));
  // -1 means no limit.
  const pids = host.whole('PidsLimit') === -1 ? null : host.whole('PidsLimit');
  return {
    Memory: memory,
    MemorySwap: memory,
    NanoCpus: atMost(host.whole('NanoCpus'), limits.nanoCpus, host.at('NanoCpus')),
    PidsLimit: atMost(pids, limits.pids, host.at('PidsLimit')),
    ShmSize: atMost(host.whole('ShmSize'), limits.shmBytes, host.at('ShmSize')),
    OomScoreAdj: OOM_SCORE,
  };
}

function readRoot(host: FieldReader, mounts: readonly Mount[], server: GuardServer): Record<string, unknown> {
  const isReadOnly = server.readOnly || host.flag('ReadonlyRootfs');
  const scratch = server.readOnly && !mounts.some(({ Target }) => Target === '/tmp');
  const [height, width] = host.list('ConsoleSize');
  const isSize = [height, width].every((side) => typeof side === 'number' && side >= 0 && side <= 10_000);
  return {
    ReadonlyRootfs: isReadOnly,
    ...(scratch ? { Tmpfs: { '/tmp': 'rw,nosuid,nodev,size=64m' } } : {}),
    ...(mounts.length === 0 ? {} : { Mounts: mounts }),
    ...(host.flag('Init') ? { Init: true } : {}),
    ...(isSize ? { ConsoleSize: [height, width] } : {}),
  };
}

/** What was asked for, up to `most`; `most` if nothing was. */
function atMost(asked: number | null, most: number, path: string): number {
  if (asked !== null && asked < 0) throw malformed(path, 'a whole number that is not negative');
  return asked === null || asked === 0 ? most : Math.min(asked, most);
}
