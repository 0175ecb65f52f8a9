/** The files below DATA_PATH that say what tools and agents run with. */
import { join } from 'node:path';
import { parseSource } from '../../config/yaml-source.js';
import { AuditError } from './audit-error.js';
import { readIfThere } from './bounded-read.js';
import { fileFacts } from './env-file.js';
import type { DataFacts, OpenclawFacts, PlainSecret } from './facts.js';
import { at, entries, field, type Json, list, parseJson, text, texts } from './json.js';
import { isSecretName, NO_VARIABLES, Variables } from './variables.js';

const MOST_YAML_BYTES = 1024 * 1024;

/** Placeholders that the stack itself writes where a client insists on a key. */
const DUMMIES = new Set(['ollama-local', 'local', 'dummy', 'none', 'not-needed', 'ollama']);

/** `openclaw`: the folder of openclaw.json where it is not `folder/openclaw`. Missing files are absent facts. */
export function readData(folder: string, openclaw: string | null): DataFacts {
  const mcp = (name: string): string => join(folder, 'mcp', name);
  const registry = readJson(mcp('registry.json'));
  const servers = readIfThere(mcp('servers.txt'));
  const custom = ['registry-custom.yaml', 'registry-custom.docker.yaml'].map(mcp);
  return {
    folder,
    servers: servers === null ? null : serverNames(servers),
    registry: registry === undefined ? null : registryOf(registry),
    filesystemPaths: pathsOf(readYaml(mcp('config.yaml'))),
    mcpSecrets: custom.flatMap((file) => registrySecrets(readYaml(file), file)),
    openclaw: readOpenclaw(join(openclaw ?? join(folder, 'openclaw'), 'openclaw.json')),
  };
}

/** Separated by commas or lines; `#` starts a comment. */
export function serverNames(text: string): readonly string[] {
  const names = text.split(/[,\r\n]/).map((name) => name.replace(/#.*/, '').trim());
  return names.filter((name) => name !== '');
}

function registryOf(root: Json): NonNullable<DataFacts['registry']> {
  const servers = entries(field(root, 'servers'));
  return new Map(
    servers.map(([name, server]) => [name, { allowsClients: list(field(server, 'allow_clients')).length > 0 }]),
  );
}

function pathsOf(root: Json): readonly string[] {
  const paths = at(root, 'filesystem', 'paths');
  return typeof paths === 'string' ? [paths] : texts(paths);
}

/** The values of a catalog entry's `env`, a list of `{ name, value }`, and of its `secrets`. */
function registrySecrets(root: Json, file: string): readonly PlainSecret[] {
  return entries(field(root, 'registry')).flatMap(([server, entry]) =>
    list(field(entry, 'env')).flatMap((variable) => {
      const name = text(field(variable, 'name')) ?? '';
      return isSecretName(name) ? plain(field(variable, 'value'), file, `registry.${server}.env.${name}`) : [];
    }),
  );
}

function readOpenclaw(path: string): OpenclawFacts | null {
  const written = readIfThere(path);
  if (written === null) return null;
  const root = parseJson(withoutComments(written), JSON.stringify(path));
  const token = text(at(root, 'gateway', 'auth', 'token'));
  return {
    ...fileFacts(path),
    secrets: openclawSecrets(root, path),
    gateway: token === null ? NO_VARIABLES : new Variables([['TOKEN', token]]),
  };
}

/** OpenClaw reads JSON5: people write comments and trailing commas into its file. */
function withoutComments(json: string): string {
  const bare = json.replace(/("(?:[^"\\]|\\.)*")|\/\/[^\n]*|\/\*[\s\S]*?\*\//g, '$1');
  return bare.replace(/("(?:[^"\\]|\\.)*")|,(?=\s*[}\]])/g, '$1');
}

/** `gateway.auth.token` is not among them: the stack itself writes it there at each start. */
function openclawSecrets(root: Json, file: string): readonly PlainSecret[] {
  const channels = entries(field(root, 'channels')).flatMap(([channel, settings]) =>
    entries(settings)
      .filter(([name]) => /token$/i.test(name))
      .flatMap(([name, value]) => plain(value, file, `channels.${channel}.${name}`)),
  );
  const keyed = [
    ['skills.entries', at(root, 'skills', 'entries')],
    ['models.providers', at(root, 'models', 'providers')],
  ] as const;
  const keys = keyed.flatMap(([place, group]) =>
    entries(group).flatMap(([name, entry]) => plain(field(entry, 'apiKey'), file, `${place}.${name}.apiKey`)),
  );
  const plugins = entries(at(root, 'plugins', 'entries')).flatMap(([plugin, entry]) =>
    entries(at(entry, 'config', 'servers')).flatMap(([server, settings]) =>
      plain(field(settings, 'apiKey'), file, `plugins.entries.${plugin}.config.servers.${server}.apiKey`),
    ),
  );
  return [...channels, ...keys, ...plugins];
}

/** A reference, `{ source: env }` or `${NAME}`, is no secret, and neither is a dummy. */
function plain(value: Json, file: string, path: string): readonly PlainSecret[] {
  if (typeof value !== 'string' || value.trim() === '' || DUMMIES.has(value.toLowerCase())) return [];
  return /^\$\{[A-Za-z_]\w*\}$/.test(value) ? [] : [{ file, path, length: value.length }];
}

/** Undefined where there is no such file. */
function readJson(path: string): Json {
  const text = readIfThere(path);
  return text === null ? undefined : parseJson(text, JSON.stringify(path));
}

function readYaml(path: string): Json {
  const text = readIfThere(path, MOST_YAML_BYTES);
  try {
    return text === null ? undefined : parseSource(text).root;
  } catch {
    throw new AuditError(`${JSON.stringify(path)} is nested too deep`);
  }
}
