/** The parts of a stack on which the sidecar's place in it depends. Files are merged as Compose merges them. */
import { type Port, portOf } from './port.js';
import type { ComposeFile } from './stack-files.js';
import { type Environment, substitute } from './variables.js';

export interface Service {
  readonly name: string;
  readonly image: string;
  readonly isBuilt: boolean;
  readonly containerName: string;
  /** Command and entrypoint as one text. */
  readonly command: string;
  /** Name of a network and the service's aliases there; `default` where none is named. */
  readonly networks: ReadonlyMap<string, readonly string[]>;
  readonly networkMode: string;
  readonly ports: readonly Port[];
  readonly hasEngineSocket: boolean;
  /** True: it takes settings from another service or file (`extends`). */
  readonly isExtended: boolean;
}

export interface Stack {
  readonly services: readonly Service[];
  /** Names of the stack's networks, without the implicit one. */
  readonly networks: readonly string[];
  /** Every subnet that a network of the stack asks for. */
  readonly subnets: readonly string[];
}

export function stackOf(files: readonly ComposeFile[], env: Environment): Stack {
  const names = new Set(files.flatMap(({ root }) => Object.keys(mapping(mapping(root).services))));
  const networks = files.flatMap(({ root }) => Object.entries(mapping(mapping(root).networks)));
  const subnets = networks.flatMap(([, network]) => list(mapping(mapping(network).ipam).config));
  return {
    services: [...names].map((name) => serviceOf(name, files, env)),
    networks: [...new Set(networks.map(([name]) => name))],
    subnets: subnets.map((item) => substitute(text(mapping(item).subnet), env)).filter((subnet) => subnet !== ''),
  };
}

function serviceOf(name: string, files: readonly ComposeFile[], env: Environment): Service {
  const parts = files.map((file) => ({ file, part: mapping(mapping(mapping(file.root).services)[name]) }));
  const last = (key: string): unknown => parts.map(({ part }) => part[key]).findLast((value) => value !== undefined);
  /** Every value of a key whose lists or mappings Compose merges, from the last one on that replaces those before it. */
  const merged = (key: string): unknown[] => {
    const tags = parts.map(({ file }) => file.tagAt(['services', name, key]));
    const from = tags.findLastIndex((tag) => tag !== null);
    return parts.slice(Math.max(0, tags[from] === '!reset' ? from + 1 : from)).map(({ part }) => part[key]);
  };
  const said = (key: string): string => substitute([last(key)].flat().map(text).join(' '), env);
  return {
    name,
    image: said('image'),
    isBuilt: last('build') !== undefined,
    containerName: said('container_name'),
    command: `${said('entrypoint')} ${said('command')}`,
    networks: networksOf(merged('networks')),
    networkMode: said('network_mode'),
    ports: merged('ports').flatMap((ports) => list(ports).flatMap((port) => portOf(port, env))),
    hasEngineSocket: merged('volumes').some((volumes) => JSON.stringify(volumes ?? '').includes('docker.sock')),
    isExtended: last('extends') !== undefined,
  };
}

function networksOf(values: readonly unknown[]): Map<string, readonly string[]> {
  const found = new Map<string, readonly string[]>();
  for (const value of values) {
    const entries = Array.isArray(value)
      ? value.map((name) => [text(name), null] as const)
      : Object.entries(mapping(value));
    for (const [name, settings] of entries) {
      found.set(name, [...(found.get(name) ?? []), ...list(mapping(settings).aliases).map(text)]);
    }
  }
  return found.size === 0 ? new Map([['default', []]]) : found;
}

/** A value of another shape counts as absent: complaining about it is up to Compose. */
function mapping(value: unknown): Readonly<Record<string, unknown>> {
  const isMapping = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isMapping ? (value as Readonly<Record<string, unknown>>) : {};
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function text(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}
