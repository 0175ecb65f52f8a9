/**
 * The folders of the host and the volumes that a tool sees: only those that the configuration lists for its server. Whichever
 * form the client used (`Binds` or `Mounts`), the engine gets `Mounts`, for which it creates no folder on the host.
 */
import { type GuardServer, UNKNOWN_SERVER } from '../config/guard-config.js';
import { FieldReader, malformed, refused } from './field-reader.js';
import { BIND_OPTION_FIELDS, MOUNT_FIELDS, TMPFS_OPTION_FIELDS, VOLUME_OPTION_FIELDS } from './fields.js';
import { quote, Refused, refuse } from './refusal.js';
import type { Json } from './strict-json.js';

/** A mount of the request to the engine. */
export type Mount = Readonly<Record<string, unknown>> & {
  readonly Type: 'bind' | 'volume' | 'tmpfs';
  readonly Target: string;
};

export interface Mounts {
  readonly mounts: readonly Mount[];
  /** The volumes among them, each of which must exist before the container is created. */
  readonly volumes: readonly string[];
}

const MOST_MOUNTS = 32;
const TMPFS_BYTES = 64 * 1024 * 1024;
const VOLUME_NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/;

export function readMounts(binds: readonly string[], mounts: readonly Json[], server: GuardServer): Mounts {
  if (binds.length + mounts.length > MOST_MOUNTS)
    throw refused('HostConfig.Mounts', `there may be at most ${MOST_MOUNTS}`);
  const all = [
    ...binds.map((text) => readBind(text, server)),
    ...mounts.map((value, i) => readMount(value, `HostConfig.Mounts[${i}]`, server)),
  ];
  const taken = new Set<string>();
  for (const { Target } of all) {
    if (taken.has(Target)) throw refused('HostConfig.Mounts', `${quote(Target)} is mounted twice`);
    taken.add(Target);
  }
  const volumes = all.flatMap((mount) => (mount.Type === 'volume' ? [String(mount.Source)] : []));
  return { mounts: all, volumes: [...new Set(volumes)] };
}

/** `SOURCE:TARGET[:OPTIONS]`; a source that is a path is a bind, any other a volume. */
function readBind(text: string, server: GuardServer): Mount {
  const path = 'HostConfig.Binds';
  const [source = '', target = '', options = 'rw', ...rest] = text.split(':');
  if (rest.length > 0 || target === '') throw refused(path, `${quote(text)} is not SOURCE:TARGET[:OPTIONS]`);
  const words = options.split(',');
  const wrong = words.find((word) => !['ro', 'rw', 'nocopy'].includes(word));
  if (wrong !== undefined || (words.includes('ro') && words.includes('rw')))
    throw refused(path, `the options ${quote(options)} are not among ro, rw and nocopy`);
  const asked = { source, target: cleanTarget(target, path), readOnly: words.includes('ro'), path };
  return source.startsWith('/') ? bind(asked, server) : volume(asked, words.includes('nocopy'), server);
}

function readMount(value: Json, path: string, server: GuardServer): Mount {
  const mount = new FieldReader(value, MOUNT_FIELDS, path);
  const type = mount.text('Type');
  const target = cleanTarget(mount.text('Target'), mount.at('Target'));
  const asked = { source: mount.text('Source'), target, readOnly: mount.flag('ReadOnly'), path: mount.at('Source') };
  const options = {
    bind: mount.below('BindOptions', BIND_OPTION_FIELDS),
    volume: mount.below('VolumeOptions', VOLUME_OPTION_FIELDS),
    tmpfs: mount.below('TmpfsOptions', TMPFS_OPTION_FIELDS),
  };
  if (!['', 'rprivate'].includes(options.bind.text('Propagation')))
    throw refused(options.bind.at('Propagation'), 'mounts are never shared with the host');
  if (type === 'bind') return bind(asked, server);
  if (type === 'volume') return volume(asked, options.volume.flag('NoCopy'), server);
  if (type !== 'tmpfs') throw refused(mount.at('Type'), `${quote(type)} is not among bind, volume and tmpfs`);
  if (asked.source !== '') throw refused(asked.path);
  const size = options.tmpfs.whole('SizeBytes') ?? 0;
  const bytes = size > 0 ? Math.min(size, TMPFS_BYTES) : TMPFS_BYTES;
  return { Type: 'tmpfs', Target: target, ReadOnly: asked.readOnly, TmpfsOptions: { SizeBytes: bytes } };
}

interface AskedMount {
  readonly source: string;
  readonly target: string;
  readonly readOnly: boolean;
  readonly path: string;
}

/** Only exactly the configured source: a folder below it may be a link that another tool made, and lead anywhere. */
function bind({ source, target, readOnly, path }: AskedMount, server: GuardServer): Mount {
  const listed = server.binds.find((one) => one.source === source && (one.target === null || one.target === target));
  if (listed === undefined) {
    const remedy = `list it in binds of ${placeOf(server)} if the tool may have it`;
    throw new Refused(refuse('bind-not-listed', `the host path ${quote(source)} is not listed: ${remedy}`, path));
  }
  return {
    Type: 'bind',
    Source: source,
    Target: target,
    ReadOnly: readOnly || listed.readOnly,
    BindOptions: { Propagation: 'rprivate' },
  };
}

function volume({ source, target, readOnly, path }: AskedMount, noCopy: boolean, server: GuardServer): Mount {
  if (!VOLUME_NAME.test(source))
    throw refused(path, `${quote(source)} is neither an absolute path nor the name of a volume`);
  const listed = server.volumes.find((one) => one.name === source && (one.target === null || one.target === target));
  if (listed === undefined) {
    const remedy = `list it in volumes of ${placeOf(server)} if it belongs to this server`;
    throw new Refused(refuse('volume-not-listed', `the volume ${quote(source)} is not listed: ${remedy}`, path));
  }
  return {
    Type: 'volume',
    Source: source,
    Target: target,
    ReadOnly: readOnly || listed.readOnly,
    VolumeOptions: { NoCopy: noCopy },
  };
}

function placeOf({ name }: GuardServer): string {
  return name === UNKNOWN_SERVER ? 'a server in guard.servers' : `guard.servers.${name}`;
}

/** An absolute path in its shortest spelling, and none that the runtime itself mounts. */
function cleanTarget(text: string, path: string): string {
  const segments = text.split('/').slice(1);
  const isClean =
    text.startsWith('/') && segments.every((segment) => segment !== '' && segment !== '.' && segment !== '..');
  if (!isClean || text.length > 1024) throw malformed(path, 'an absolute path without "//", "." and ".."');
  if (/^\/(?:proc|sys|dev)(?:\/|$)/.test(text)) throw refused(path, 'nothing is mounted below /proc, /sys and /dev');
  return text;
}
