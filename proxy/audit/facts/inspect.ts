/** What `docker inspect` and the Engine API say of containers, networks and images -> facts. */
import { AuditError } from './audit-error.js';
import type { Container, EngineFacts, ImageFacts, Mount, Network, Published } from './facts.js';
import { at, entries, field, type Json, list, text, texts } from './json.js';
import { Variables } from './variables.js';

/** More than any one machine runs. */
const MOST_OBJECTS = 5000;

/** The output of `docker inspect`: containers, and networks and images where they were named, too. */
export function readInspect(root: Json, name: string): EngineFacts {
  const objects = list(root);
  if (!Array.isArray(root)) throw new AuditError(`${name} is not the output of docker inspect: that is a JSON array`);
  if (objects.length > MOST_OBJECTS)
    throw new AuditError(`${name} has more than ${MOST_OBJECTS} objects: pass only the containers of one stack`);
  const containers = objects.filter((object) => field(object, 'HostConfig') !== undefined).map(readContainer);
  const networks = objects.filter((object) => typeof field(object, 'Internal') === 'boolean').map(readNetwork);
  const images = objects.filter((object) => field(object, 'RootFS') !== undefined).map(readImage);
  if (containers.length === 0) throw new AuditError(`${name} has no container in it`);
  return {
    containers,
    networks: networks.length === 0 ? null : networks,
    images: images.length === 0 ? null : images,
    daemon: null,
  };
}

export function readContainer(root: Json): Container {
  const config = field(root, 'Config');
  const host = field(root, 'HostConfig');
  const label = (name: string): string | null => text(at(config, 'Labels', name));
  const isRunning = at(root, 'State', 'Running') === true;
  return {
    id: text(field(root, 'Id')) ?? '',
    name: (text(field(root, 'Name')) ?? '').replace(/^\//, ''),
    project: label('com.docker.compose.project'),
    service: label('com.docker.compose.service'),
    folder: label('com.docker.compose.project.working_dir'),
    composeFiles: (label('com.docker.compose.project.config_files') ?? '').split(',').filter(Boolean),
    tool: label('docker-mcp') === 'true' ? (label('docker-mcp-name') ?? '') : null,
    isRunning,
    isOneOff: label('com.docker.compose.oneoff')?.toLowerCase() === 'true',
    imageId: text(field(root, 'Image')) ?? '',
    image: text(field(config, 'Image')) ?? '',
    user: text(field(config, 'User')) ?? '',
    variables: new Variables(texts(field(config, 'Env')).map(pairOf)),
    networkMode: text(field(host, 'NetworkMode')) ?? '',
    networks: entries(at(root, 'NetworkSettings', 'Networks')).map(([network]) => network),
    dns: texts(field(host, 'Dns')),
    published: publishedOf(root, isRunning),
    mounts: mountsOf(root),
    ...privilegesOf(host),
  };
}

export function readNetwork(root: Json): Network {
  return {
    key: text(at(root, 'Labels', 'com.docker.compose.network')),
    project: text(at(root, 'Labels', 'com.docker.compose.project')),
    name: text(field(root, 'Name')) ?? '',
    isInternal: field(root, 'Internal') === true,
    driver: text(field(root, 'Driver')) ?? '',
    options: new Map(entries(field(root, 'Options')).map(([key, value]) => [key, String(value)])),
  };
}

export function readImage(root: Json): ImageFacts {
  return {
    id: text(field(root, 'Id')) ?? '',
    tags: texts(field(root, 'RepoTags')),
    digests: texts(field(root, 'RepoDigests')),
  };
}

function privilegesOf(host: Json) {
  const capabilities = (name: string) => texts(field(host, name)).map(capabilityName);
  const masked = field(host, 'MaskedPaths');
  return {
    capAdd: capabilities('CapAdd'),
    capDrop: capabilities('CapDrop'),
    hasReadOnlyRoot: field(host, 'ReadonlyRootfs') === true,
    securityOptions: texts(field(host, 'SecurityOpt')),
    isPrivileged: field(host, 'Privileged') === true,
    hostNamespaces: hostNamespaces(host),
    isUnmasked: Array.isArray(masked) && masked.length === 0,
  };
}

/** Engines since 25 print CAP_SETUID where older ones print SETUID. */
export function capabilityName(name: string): string {
  return name.trim().toUpperCase().replace(/^CAP_/, '');
}

function hostNamespaces(host: Json): readonly string[] {
  const modes = [
    ['network', 'NetworkMode'],
    ['pid', 'PidMode'],
    ['ipc', 'IpcMode'],
    ['uts', 'UTSMode'],
    ['userns', 'UsernsMode'],
  ] as const;
  return modes.filter(([, name]) => field(host, name) === 'host').map(([namespace]) => namespace);
}

/** A variable without `=` is one that the image has and the container does not. */
export function pairOf(entry: string): readonly [string, string] {
  const equals = entry.indexOf('=');
  return equals === -1 ? [entry, ''] : [entry.slice(0, equals), entry.slice(equals + 1)];
}

/**
 * While it runs, what is in force; before, what is asked for. A port without bindings (null, an empty list) is only
 * exposed, and that is no publication.
 */
function publishedOf(root: Json, isRunning: boolean): readonly Published[] {
  const inForce = bindingsOf(at(root, 'NetworkSettings', 'Ports'));
  if (isRunning && inForce.length > 0) return inForce;
  const asked = bindingsOf(at(root, 'HostConfig', 'PortBindings'));
  if (at(root, 'HostConfig', 'PublishAllPorts') !== true) return asked;
  const exposed = entries(at(root, 'Config', 'ExposedPorts'));
  return [...asked, ...exposed.map(([port]) => ({ containerPort: portOf(port), hostAddress: '', hostPort: '' }))];
}

function bindingsOf(ports: Json): readonly Published[] {
  return entries(ports).flatMap(([port, bindings]) =>
    list(bindings).map((bound) => ({
      containerPort: portOf(port),
      hostAddress: text(field(bound, 'HostIp')) ?? '',
      hostPort: text(field(bound, 'HostPort')) ?? '',
    })),
  );
}

function portOf(port: string): number {
  return Number.parseInt(port, 10) || 0;
}

/** `Mounts` is what is mounted; a container that was never started has only its binds. */
function mountsOf(root: Json): readonly Mount[] {
  const mounted = list(field(root, 'Mounts')).map((mount) => ({
    source: text(field(mount, 'Source')) ?? text(field(mount, 'Name')) ?? '',
    target: text(field(mount, 'Destination')) ?? '',
    isBind: field(mount, 'Type') !== 'volume',
  }));
  const binds = texts(at(root, 'HostConfig', 'Binds')).map((bind) => {
    // SOURCE:TARGET[:OPTIONS]; a source of Windows has a colon of its own.
    const [, source = '', target = ''] = /^((?:[A-Za-z]:[\\/])?[^:]*):([^:]+)/.exec(bind) ?? [];
    return { source, target, isBind: /^[/\\.~]|^[A-Za-z]:/.test(source) };
  });
  return [...mounted, ...binds];
}
