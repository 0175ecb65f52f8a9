/** The sources that were named, or are where they usually are -> the facts of one stack. */
import { existsSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import type { Config } from '../../config/config.js';
import { AuditError } from './audit-error.js';
import { readCompose } from './compose-model.js';
import { readData } from './data-files.js';
import { type EngineEnvironment, readEngine } from './engine-api.js';
import { readEnvFile } from './env-file.js';
import type { Container, EngineFacts, EnvFile, Facts, Source } from './facts.js';
import { readInspect } from './inspect.js';
import { parseJson } from './json.js';
import { chooseProject } from './project.js';
import { type RoleOverrides, servicesOf } from './roles.js';
import { agesOf, nextState, readState, type State } from './state.js';

/** Text that was read already, and what to call it. */
export interface Input {
  readonly text: string;
  readonly name: string;
}

export interface SourceOptions {
  readonly project: string | null;
  readonly compose: Input | null;
  readonly inspect: Input | null;
  readonly hostRules: Input | null;
  /** Null: where the running stack has it. */
  readonly env: string | null;
  readonly data: string | null;
  readonly state: string | null;
  readonly mostDays: number;
  readonly policy: Config['policy'] | null;
  readonly guard: Config['guard'];
  readonly roles: RoleOverrides;
  /** Null: the engine is not asked. */
  readonly engine: EngineEnvironment | null;
  /** True: nothing to read is no error, since the caller works without facts, too. */
  readonly mayBeEmpty?: boolean;
  readonly now: Date;
}

/** `state`: what to write to the state file, where one was named. Throws an AuditError for a source that was named and cannot be used. */
export async function collect(
  options: SourceOptions,
): Promise<{ readonly facts: Facts; readonly state: State | null }> {
  const compose = options.compose === null ? null : readCompose(parsed(options.compose), options.compose.name);
  const asked = await engineOf(options);
  const project = chooseProject(options.project, compose, asked.engine, options.inspect?.name ?? null);
  const own = (asked.engine?.containers ?? []).filter(
    (container) => project !== null && container.project === project && !container.isOneOff,
  );
  const tools = (asked.engine?.containers ?? []).filter(({ tool }) => tool !== null);
  const folder = own.find((container) => container.folder !== null)?.folder ?? null;
  const env = envOf(options, folder);
  const state =
    options.state === null || env === null ? null : nextState(readState(options.state), env.variables, options.now);
  const isThere = own.length > 0 || tools.length > 0;
  const data = dataOf(options, env);
  const facts: Facts = {
    project,
    engine: isThere ? asked.engine : null,
    compose,
    env,
    toolEnv: env === null ? null : readEnvFile(join(dirname(env.path), 'mcp', '.env')),
    data,
    policy: options.policy,
    guard: options.guard,
    hostRules:
      options.hostRules === null ? null : { present: /\bMCP-EGRESS-|\bmcp[-_]egress\b/.test(options.hostRules.text) },
    ages: state === null ? null : { days: agesOf(state, options.now), mostDays: options.mostDays },
    services: servicesOf(compose, own, options.roles),
    tools,
    paths: pathsOf(options, own, folder),
    missing: missing(asked.reason ?? noContainers(project), options),
  };
  if (options.mayBeEmpty !== true) refuseNothing(facts);
  return { facts, state };
}

function parsed({ text, name }: Input): unknown {
  return parseJson(text, name);
}

/** An engine that cannot be reached is a missing source; a file that cannot be used is an error. */
async function engineOf(options: SourceOptions): Promise<{ engine: EngineFacts | null; reason: string | null }> {
  if (options.inspect !== null)
    return { engine: readInspect(parsed(options.inspect), options.inspect.name), reason: null };
  if (options.engine === null) return { engine: null, reason: 'The engine was not asked.' };
  try {
    return { engine: await readEngine(options.engine), reason: null };
  } catch (error) {
    if (!(error instanceof AuditError)) throw error;
    return { engine: null, reason: sentence(error.message) };
  }
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

function noContainers(project: string | null): string {
  return project === null ? 'The engine has no compose project.' : `The engine has no container of project ${project}.`;
}

/** `.env` beside the running stack's compose file is read only where its path is this machine's. */
function envOf(options: SourceOptions, folder: string | null): EnvFile | null {
  if (options.env !== null) {
    const file = readEnvFile(options.env);
    if (file === null) throw new AuditError(`${JSON.stringify(options.env)} does not exist`);
    return file;
  }
  return options.engine === null || folder === null || options.inspect !== null
    ? null
    : readEnvFile(join(folder, '.env'));
}

/** `--data`, else what `.env` says of it, from its own folder. */
function dataOf(options: SourceOptions, env: EnvFile | null): Facts['data'] {
  const base = env === null ? '.' : dirname(env.path);
  const within = (path: string): string => (isAbsolute(path) ? path : join(base, path));
  const openclaw = env?.variables.plain('OPENCLAW_CONFIG_DIR');
  const elsewhere = openclaw ? within(openclaw) : null;
  if (options.data !== null) {
    if (!existsSync(options.data)) throw new AuditError(`${JSON.stringify(options.data)} does not exist`);
    return readData(options.data, elsewhere);
  }
  if (env === null) return null;
  const folder = within(env.variables.plain('DATA_PATH') || join(env.variables.plain('BASE_PATH') || '.', 'data'));
  return existsSync(folder) ? readData(folder, elsewhere) : null;
}

/** Where several files make the stack, the last one is the one to change; beside one alone Compose reads an override. */
function pathsOf(options: SourceOptions, own: readonly Container[], folder: string | null): Facts['paths'] {
  const files = own.find(({ composeFiles }) => composeFiles.length > 0)?.composeFiles ?? [];
  const base = files[0] ?? 'docker-compose.yml';
  const last = files.length > 1 ? (files.at(-1) ?? base) : 'compose.override.yml';
  return {
    folder,
    compose: base,
    override: last,
    env: options.env ?? (folder === null ? '.env' : join(folder, '.env')),
  };
}

function missing(engine: string, options: SourceOptions): Readonly<Record<Source, string>> {
  return {
    docker: engine,
    compose: 'The compose file was not given.',
    env: 'No .env was given or found.',
    data: 'No folder of the stack’s data was given or found.',
    policy: 'The policy of the proxy was not given.',
    'host-rules': "The host's packet filter rules were not given.",
    state: options.state === null ? 'No state file was given.' : 'There is no .env to compare the state file with.',
  };
}

function refuseNothing({ engine, compose, env, data, policy, hostRules, missing: reasons }: Facts): void {
  if ([engine, compose, env, data, policy, hostRules].some((source) => source !== null)) return;
  throw new AuditError(`nothing could be read. ${reasons.docker} ${reasons.compose} ${reasons.env}`);
}
