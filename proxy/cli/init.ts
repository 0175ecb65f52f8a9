/** The command `init`: puts the sidecar into the stack of a folder, and takes it out again. */
import { readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { createInterface } from 'node:readline/promises';
import { PassThrough } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { readSubnets } from '../audit/facts/engine-api.js';
import { parseAddress, prefixOf } from '../core/address.js';
import { diffOf } from '../init/diff.js';
import { DEFAULT_IMAGE } from '../init/env-lines.js';
import { apply, reachable, reader } from '../init/folder.js';
import { InitError } from '../init/init-error.js';
import { type Plan, planInit, type Shipped, type Wishes } from '../init/plan.js';
import { planRemoval } from '../init/removal.js';
import { command, EXIT, type Io, UsageError } from './command.js';

/** Exit code 0 (done, or nothing to do), 1 not done, 2 usage. */
export const initCommand = command({
  name: 'init',
  synopsis: '[--dry-run] [--yes] [--remove] [--gateway NAME] [--image NAME] [--avoid CIDR ...] [FOLDER]',
  details: `  Writes egress-proxy/ (override, policy, settings of the gateway's Docker CLI) and lines of .env for the stack in
  FOLDER, after it has shown them and asked. The stack's own compose files are read and never written.
  FOLDER          by default /stack in the image, else the current folder
  --dry-run       shows the changes, and writes nothing
  --yes           does not ask
  --remove        removes everything again
  --gateway NAME  the service that starts the tools, if it cannot be detected
  --image NAME    the image to run; EGRESS_PROXY_IMAGE by default
  --avoid CIDR    a subnet that is in use elsewhere. From inside a container, those of the engine and of the machine
                  cannot be seen unless docker.sock is mounted.
  exit code: 0 done, or nothing to do, 1 not done`,
  options: {
    'dry-run': { type: 'boolean' },
    yes: { type: 'boolean', short: 'y' },
    remove: { type: 'boolean' },
    gateway: { type: 'string' },
    image: { type: 'string' },
    avoid: { type: 'string', multiple: true },
  },
  operands: { least: 0, most: 1 },
  async run(values, [operand], io) {
    const folder = operand ?? (io.env.EGRESS_STACK || '.');
    const isDry = values['dry-run'] === true;
    const avoid = prefixesOf(values.avoid ?? []);
    try {
      reachable(folder, isDry ? 'read' : 'write');
      const plan = values.remove
        ? planRemoval(reader(folder))
        : planInit(reader(folder), shipped(), { ...(await wishesOf(io)), ...named(values), avoid });
      const shown = show(plan, io);
      if (isDry || !shown) return EXIT.ok;
      if (values.yes !== true && !(await isWanted(io))) return declined(io);
      apply(folder, plan.changes);
      const next = values.remove ? 'docker compose up -d --remove-orphans' : 'docker compose up -d';
      io.stdout(`Done. Next: ${next}\n`);
      return EXIT.ok;
    } catch (error) {
      if (!(error instanceof InitError)) throw error;
      io.stderr(`init: ${error.message}\n`);
      return EXIT.failed;
    }
  },
});

function named({ gateway, image }: { gateway?: string | undefined; image?: string | undefined }): Partial<Wishes> {
  return { ...(gateway === undefined ? {} : { gateway }), ...(image === undefined ? {} : { image }) };
}

function prefixesOf(texts: readonly string[]): string[] {
  return texts.map((text) => {
    const [address = '', bits = '32'] = text.split('/');
    const parsed = parseAddress(address);
    if (parsed === null || !/^\d{1,2}$/.test(bits))
      throw new UsageError(`--avoid ${text}: expected a subnet such as 172.31.250.0/24`);
    return prefixOf(parsed, Number(bits)).text;
  });
}

/** What the environment and the machine say. */
async function wishesOf(io: Io): Promise<Wishes> {
  const image = io.env.EGRESS_PROXY_IMAGE || DEFAULT_IMAGE;
  return { image, taken: [...interfaceSubnets(), ...(await engineSubnets(io))], avoid: [] };
}

function interfaceSubnets(): string[] {
  return Object.values(networkInterfaces()).flatMap((addresses = []) =>
    addresses.flatMap(({ address, netmask, family }) => {
      const parsed = family === 'IPv4' ? parseAddress(address) : null;
      const bits = netmask
        .split('.')
        .reduce((sum, part) => sum + Number(part).toString(2).replaceAll('0', '').length, 0);
      return parsed === null ? [] : [prefixOf(parsed, bits).text];
    }),
  );
}

/** None where no engine can be asked: most containers have no socket, and should have none. */
async function engineSubnets(io: Io): Promise<readonly string[]> {
  try {
    return await readSubnets(io.env);
  } catch {
    return [];
  }
}

/** Where the program lies: clone, package and image have these files at the same places. */
function shipped(): Shipped {
  const read = (path: string): string =>
    readFileSync(fileURLToPath(new URL(`../../../build/${path}`, import.meta.url)), 'latin1');
  const guard = ['cli', 'cli-off', 'context'].map((name) => `docker/guard/${name}.json`);
  return {
    override: read('install/compose.override.yml'),
    beside: new Map([
      ['config/policy.yaml', read('policy.yaml')],
      ...guard.map((path) => [path, read(`install/${path}`)] as const),
    ]),
  };
}

/** False where there is nothing to do. */
function show({ changes, notes }: Plan, io: Io): boolean {
  io.stdout(changes.map(diffOf).join('\n'));
  for (const note of notes) io.stderr(`init: ${note}\n`);
  if (changes.length === 0) io.stdout('Nothing to change.\n');
  return changes.length > 0;
}

async function isWanted(io: Io): Promise<boolean> {
  io.stderr('Write this? [y/N] ');
  const lines = createInterface({ input: io.stdin, output: new PassThrough() });
  try {
    for await (const line of lines) return /^y(?:es)?$/i.test(line.trim());
    return false;
  } finally {
    lines.close();
  }
}

function declined(io: Io): number {
  io.stderr('init: nothing was changed\n');
  return EXIT.failed;
}
