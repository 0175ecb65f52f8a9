/** What `init` would do to a folder: files before and after, and what its owner should know. Nothing is written here. */
import type { Change } from './diff.js';
import { blockOf, withBlock, withoutBlock } from './env-block.js';
import { imageLines, placeLines, rangeLines, type Taken } from './env-lines.js';
import { environmentOf } from './environment.js';
import { gatewayOf } from './gateway.js';
import { InitError } from './init-error.js';
import { FOLDER, OVERRIDE, POLICY } from './layout.js';
import { digestOf, digestsIn, isOurs, overrideFor } from './override.js';
import { relayOf } from './relay.js';
import { type Service, type Stack, stackOf } from './stack.js';
import { type Read, type StackFiles, stackFiles } from './stack-files.js';
import type { Environment } from './variables.js';

export interface Shipped {
  /** build/install/compose.override.yml */
  readonly override: string;
  /** Path below our folder, and text, of the policy and the gateway's CLI settings. */
  readonly beside: ReadonlyMap<string, string>;
}

export interface Wishes extends Taken {
  readonly gateway?: string | undefined;
  readonly image?: string | undefined;
}

export interface Plan {
  readonly changes: readonly Change[];
  readonly notes: readonly string[];
}

/** Written by docker/install.sh or the PowerShell script. */
const INSTALLED = /^# Written by (mcp-egress-proxy\/docker\/[\w./-]+)/;

/** Throws an InitError where nothing can be done, in words that say why. */
export function planInit(read: Read, shipped: Shipped, wishes: Wishes): Plan {
  const before = withoutBlock(read('.env'));
  const env = environmentOf(before);
  const files = stackFiles(read, env);
  const stack = stackOf(files.all, env);
  refuseOthers(read, files, stack);
  const paths = files.all.map(({ path }) => path);
  const gateway = gatewayOf(stack, wishes.gateway, paths);
  const relay = relayOf(gateway, env);
  const previous = blockOf(read('.env'));
  const earlier = previous === null ? null : environmentOf(previous.join('\n'));
  const free = [...imageLines(wishes.image), ...relay.lines, ...rangeLines(stack, wishes, env, earlier)];
  const lines = [...placeLines(files), ...free.filter((line) => !env.has(line.slice(0, line.indexOf('='))))];
  const beside = filesBeside(shipped, env);
  const override = overrideFor(shipped.override, placeOf(gateway, stack, beside));
  const after = [[OVERRIDE, override] as const, ...kept(read, beside), ['.env', withBlock(before, lines)] as const];
  const changes = after.map(([path, text]) => ({ path, before: read(path), after: text }));
  const notes = [...policyNotes(env), ...relay.notes, ...gatewayNotes(gateway)];
  return { changes: changes.filter((change) => change.before !== change.after), notes };
}

function refuseOthers(read: Read, { all }: StackFiles, { services }: Stack): void {
  const wrapper = all.find(({ text }) => INSTALLED.test(text));
  if (wrapper !== undefined) {
    throw new InitError(
      `docker/install.sh has put the override into ${wrapper.path} already: run it with --remove first`,
    );
  }
  const sidecar = services.find(({ name, image, isBuilt }) => name === 'egress-proxy' && (image !== '' || isBuilt));
  const file = all.find(({ text }) => /^ {2,}egress-proxy:/m.test(text))?.path ?? 'its files';
  if (sidecar !== undefined)
    throw new InitError(`the stack has a service egress-proxy already, in ${file}: remove it first`);
  const override = read(OVERRIDE);
  if (override !== null && !isOurs(override))
    throw new InitError(`${OVERRIDE} exists, and was not written by init: move it elsewhere first`);
}

/** Leaves out the policy if the owner has said that it is elsewhere. */
function filesBeside({ beside }: Shipped, env: Environment): ReadonlyMap<string, string> {
  const hasOwn = (env.get('EGRESS_CONFIG_DIR') ?? '') !== '';
  return new Map([...beside].filter(([path]) => !hasOwn || path !== POLICY));
}

function policyNotes(env: Environment): string[] {
  const own = env.get('EGRESS_CONFIG_DIR') ?? '';
  return own === '' ? [] : [`EGRESS_CONFIG_DIR=${own} in .env stays: the policy in that folder applies`];
}

/** The sidecar answers on the gateway's own networks, and on the two where the shipped override expects its clients. */
function placeOf(gateway: Service, stack: Stack, beside: ReadonlyMap<string, string>) {
  const usual = stack.networks.filter((name) => ['frontend', 'backend'].includes(name) && !gateway.networks.has(name));
  const names = [gateway.name, gateway.containerName].filter((name) => name !== '');
  const all = [...gateway.networks, ...usual.map((name) => [name, []] as const)];
  return {
    gateway: gateway.name,
    hasNetworkMode: gateway.networkMode !== '',
    networks: new Map(all.map(([name, aliases]) => [name, [...new Set([...names, ...aliases])]])),
    beside: new Map([...beside].map(([path, text]) => [path, digestOf(text)])),
  };
}

/** A file of the proxy that its owner has changed stays as it is; others follow what is shipped. */
function kept(read: Read, beside: ReadonlyMap<string, string>): (readonly [string, string])[] {
  const written = digestsIn(read(OVERRIDE) ?? '');
  return [...beside].map(([name, text]) => {
    const path = `${FOLDER}/${name}`;
    const there = read(path);
    return [path, there === null || written.get(name) === digestOf(there) ? text : there];
  });
}

function gatewayNotes({ name, isExtended, networkMode }: Service): string[] {
  return [
    ...(isExtended ? [`${name} extends another service, whose networks and ports were not looked at`] : []),
    ...(networkMode === '' ? [] : [`${name} had network_mode: ${networkMode}; now it is on the tools' network alone`]),
  ];
}
