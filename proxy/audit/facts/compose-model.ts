/** The output of `docker compose config --format json` -> facts. Compose has resolved files, profiles and variables. */
import { AuditError } from './audit-error.js';
import type { ComposeFacts, Mount, Published, Service } from './facts.js';
import { capabilityName, pairOf } from './inspect.js';
import { at, entries, field, type Json, list, text, texts } from './json.js';
import { Variables } from './variables.js';

export function readCompose(root: Json, name: string): ComposeFacts {
  const services = entries(field(root, 'services'));
  if (services.length === 0) {
    throw new AuditError(`${name} has no services: it is not the output of docker compose config --format json`);
  }
  const project = text(field(root, 'name'));
  const networks = networksOf(root, project);
  const nameOf = (key: string): string => networks.find((network) => network.key === key)?.name ?? key;
  return { project, services: services.map(([key, service]) => readService(key, service, nameOf)), networks };
}

function networksOf(root: Json, project: string | null): ComposeFacts['networks'] {
  return entries(field(root, 'networks')).map(([key, network]) => ({
    key,
    project,
    name: text(field(network, 'name')) ?? `${project ?? ''}_${key}`,
    isInternal: field(network, 'internal') === true,
    isExternal: field(network, 'external') === true,
    driver: text(field(network, 'driver')) ?? 'bridge',
    options: new Map(entries(field(network, 'driver_opts')).map(([option, value]) => [option, String(value)])),
  }));
}

function readService(name: string, root: Json, nameOf: (key: string) => string): Service {
  const mode = text(field(root, 'network_mode')) ?? '';
  const keys = networkKeys(field(root, 'networks'), mode);
  const masked = texts(field(root, 'security_opt')).includes('systempaths=unconfined');
  return {
    name,
    isBuilt: field(root, 'build') !== undefined || field(root, 'pull_policy') === 'build',
    command: texts(field(root, 'command')),
    image: text(field(root, 'image')) ?? '',
    user: text(field(root, 'user')),
    variables: environmentOf(field(root, 'environment')),
    networkMode: mode,
    networks: keys.map(nameOf),
    dns: texts(field(root, 'dns')),
    published: portsOf(field(root, 'ports')),
    mounts: mountsOf(root),
    capAdd: texts(field(root, 'cap_add')).map(capabilityName),
    capDrop: texts(field(root, 'cap_drop')).map(capabilityName),
    hasReadOnlyRoot: field(root, 'read_only') === true,
    securityOptions: texts(field(root, 'security_opt')),
    isPrivileged: field(root, 'privileged') === true,
    hostNamespaces: hostNamespaces(root),
    isUnmasked: masked,
  };
}

/** A service without networks is on `default`, unless it shares those of another one. */
function networkKeys(networks: Json, mode: string): readonly string[] {
  if (mode !== '') return [];
  const keys = Array.isArray(networks) ? texts(networks) : entries(networks).map(([key]) => key);
  return keys.length === 0 ? ['default'] : keys;
}

function environmentOf(environment: Json): Variables {
  if (Array.isArray(environment)) return new Variables(texts(environment).map(pairOf));
  // Null: the value of the caller's own environment, which is not known here.
  const known = entries(environment).filter(([, value]) => value !== null);
  return new Variables(known.map(([name, value]) => [name, String(value)]));
}

function hostNamespaces(root: Json): readonly string[] {
  const modes = [
    ['network', 'network_mode'],
    ['pid', 'pid'],
    ['ipc', 'ipc'],
    ['uts', 'uts'],
    ['userns', 'userns_mode'],
  ] as const;
  return modes.filter(([, name]) => field(root, name) === 'host').map(([namespace]) => namespace);
}

function portsOf(ports: Json): readonly Published[] {
  return list(ports).flatMap((port) => {
    const target = Number(field(port, 'target'));
    // Without `published` the engine picks a port of the host.
    const hostPort = field(port, 'published');
    return Number.isInteger(target)
      ? [
          {
            containerPort: target,
            hostAddress: text(field(port, 'host_ip')) ?? '',
            hostPort: hostPort === undefined ? '' : String(hostPort),
          },
        ]
      : [];
  });
}

/** `use_api_socket` is the engine's socket by another name. */
function mountsOf(root: Json): readonly Mount[] {
  const mounts = list(field(root, 'volumes')).map((volume) => ({
    source: text(field(volume, 'source')) ?? '',
    target: text(at(volume, 'target')) ?? '',
    isBind: field(volume, 'type') !== 'volume',
  }));
  const socket = { source: '/var/run/docker.sock', target: '/var/run/docker.sock', isBind: true };
  return field(root, 'use_api_socket') === true ? [...mounts, socket] : mounts;
}
