#!/usr/bin/env node
/** The command `egress-proxy`. Each command loads only what it needs. */
// First: the others use what an old Node does not have.
import './cli/too-old.js';
import { realpathSync } from 'node:fs';
import nodeModule from 'node:module';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import type { Command, Io } from './cli/command.js';

/** A name, what it does in a few words, and where it is. */
const COMMANDS: readonly (readonly [name: string, does: string, load: () => Promise<Command>])[] = [
  ['serve', 'runs the proxy (the default)', async () => (await import('./cli/serve.js')).serveCommand],
  ['check', 'explains what would happen to a target', async () => (await import('./cli/check.js')).checkCommand],
  [
    'validate',
    'names every mistake in the configuration',
    async () => (await import('./cli/validate.js')).validateCommand,
  ],
  ['probe', 'tries every way out, where a tool runs', async () => (await import('./cli/probe.js')).probeCommand],
  ['audit', 'checks a stack against the runbook', async () => (await import('./cli/audit.js')).auditCommand],
  ['rotate', 'prints the steps to renew a secret', async () => (await import('./cli/rotate.js')).rotateCommand],
  ['ranges', 'prints the ranges that the policy knows', async () => (await import('./cli/ranges.js')).rangesCommand],
  [
    'firewall',
    "prints the host's packet filter rules",
    async () => (await import('./cli/firewall.js')).firewallCommand,
  ],
  [
    'suggest',
    'prints a policy that allows what was seen',
    async () => (await import('./cli/suggest.js')).suggestCommand,
  ],
  ['allow', 'allows a host while the proxy runs', async () => (await import('./cli/decide.js')).allowCommand],
  ['block', 'refuses a host while the proxy runs', async () => (await import('./cli/decide.js')).blockCommand],
  ['grants', 'lists what is allowed, blocked and paused', async () => (await import('./cli/decide.js')).grantsCommand],
  ['revoke', 'ends what was allowed or blocked', async () => (await import('./cli/decide.js')).revokeCommand],
  [
    'pause',
    'refuses everything from a client, or from all',
    async () => (await import('./cli/decide.js')).pauseCommand,
  ],
  ['resume', 'ends a pause', async () => (await import('./cli/decide.js')).resumeCommand],
  ['watch', 'shows what is decided, with a key to allow it', async () => (await import('./cli/watch.js')).watchCommand],
  ['init', 'puts the sidecar into the stack of a folder', async () => (await import('./cli/init.js')).initCommand],
  ['guard', 'filters what a gateway asks of docker.sock', async () => (await import('./cli/guard.js')).guardCommand],
  [
    'healthcheck',
    'exits 0 if this instance is ready',
    async () => (await import('./cli/healthcheck.js')).healthcheckCommand,
  ],
];

const USAGE = `usage: egress-proxy [COMMAND] [OPTION...]\n\n${COMMANDS.map(
  ([name, does]) => `  ${name.padEnd(12)} ${does}\n`,
).join(
  '',
)}\n  egress-proxy help COMMAND explains one; --version prints the version.\n  --config FILE falls back to EGRESS_CONFIG, then to the shipped policy.\n  A command line that is wrong ends with exit code 2.\n`;

/** When all that a start needs is compiled. */
const COMPILED_MS = 2000;

const PROCESS_IO: Io = {
  // Opened when it is read: node:fs has to load its streams for it.
  get stdin() {
    return process.stdin;
  },
  stdout: (text) => endWithReader(process.stdout).write(text),
  stderr: (text) => goOnWithoutReader(process.stderr).write(text),
  env: process.env,
};

/** The exit code, or null where the process goes on. */
export async function main(argv: readonly string[], io: Io = PROCESS_IO): Promise<number | null> {
  const [first = 'serve', ...rest] = argv;
  const { EXIT, execute, version } = await import('./cli/command.js');
  if (first === '--version') {
    io.stdout(`${version()}\n`);
    return EXIT.ok;
  }
  const isHelp = first === 'help' || first === '--help' || first === '-h';
  // `help help` and `help --help` ask for nothing else.
  if (isHelp && rest.every((word) => word === 'help' || word.startsWith('-'))) {
    io.stdout(USAGE);
    return EXIT.ok;
  }
  const name = isHelp ? rest[0] : first.startsWith('-') ? 'serve' : first;
  const found = COMMANDS.find(([known]) => known === name);
  if (found === undefined) {
    io.stderr(`egress-proxy: no command ${JSON.stringify(name)}\n\n${USAGE}`);
    return EXIT.usage;
  }
  if (isHelp) return execute(await found[2](), ['--help'], io);
  if (!first.startsWith('-')) return execute(await found[2](), rest, io);
  const code = await execute(await found[2](), argv, io);
  const misplaced = rest.find((word) => COMMANDS.some(([known]) => known === word));
  if (code === EXIT.usage && misplaced !== undefined)
    io.stderr(`\nThe command comes before its options: egress-proxy ${misplaced} ...\n`);
  return code;
}

/** Before a command is loaded, in a process that is this program's alone; by build/compile.mjs as well. */
export function prepareProcess(): void {
  keepConnectionsYoung();
  keepYoungSmall();
  keepCompiledCode();
}

function isMain(): boolean {
  const script = process.argv[1];
  return script !== undefined && realpathSync(script) === fileURLToPath(import.meta.url);
}

/**
 * V8 puts what one place in the code makes where only full collections look, if most of what that place made at the start
 * was there to stay. The listeners of a socket are made at such a place: dead, they would keep alive the whole connection.
 * Here, and not by an option of node: with one, Node compiles its own modules anew. Before the compiled code is looked for,
 * which is kept for one set of flags.
 */
function keepConnectionsYoung(): void {
  setFlagsFromString('--no-allocation-site-pretenuring');
}

/**
 * What is loaded stays, and V8 makes room for more young objects after each collection that most of them outlive: 5 MiB that an
 * idle process keeps. It is as it was when the start is over.
 */
function keepYoungSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
  // After compiled code is written: V8 takes only what was written with the same flags.
  setTimeout(() => setFlagsFromString('--semi-space-growth-factor=2'), COMPILED_MS + 100).unref();
}

/**
 * Half of a cold start is compiling: from Node 22 on, compiled code is kept beside the program, where nobody can write
 * who could not change the program itself. Nothing is kept where the folder is read-only. Node writes it at a clean end;
 * a process that runs on, and may be killed, writes it a little after its start.
 */
function keepCompiledCode(): void {
  const enable: unknown = Reflect.get(nodeModule, 'enableCompileCache');
  const flush: unknown = Reflect.get(nodeModule, 'flushCompileCache');
  if (typeof enable !== 'function') return;
  enable(fileURLToPath(new URL('../.compile-cache', import.meta.url)));
  if (typeof flush === 'function') setTimeout(() => flush(), COMPILED_MS).unref();
}

/** Node prints warnings, and libraries put what they have read into theirs: pieces of a configuration, tokens among them. */
function keepWarningsToItself(): void {
  process.removeAllListeners('warning');
}

/**
 * Whoever reads the output may stop reading (`| head`): that is its end, not a failure. `serve` writes its log past this
 * stream, and does not end with its reader.
 */
function endWithReader(stream: NodeJS.WriteStream): NodeJS.WriteStream {
  if (stream.listenerCount('error') > 0) return stream;
  return stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(process.exitCode ?? 0);
    process.stderr.write(`egress-proxy: cannot write the output: ${error.message}\n`);
    process.exit(1);
  });
}

/** What goes wrong is in the exit code as well. */
function goOnWithoutReader(stream: NodeJS.WriteStream): NodeJS.WriteStream {
  return stream.listenerCount('error') > 0 ? stream : stream.on('error', () => {});
}

if (isMain()) {
  keepWarningsToItself();
  prepareProcess();
  main(process.argv.slice(2)).then(
    (code) => {
      if (code !== null) process.exitCode = code;
    },
    (error: unknown) => {
      process.stderr.write(`egress-proxy: ${error instanceof Error ? error.message : String(error)}\n`);
      // Not the exit code alone: listeners that did open would keep half a proxy running.
      process.exit(1);
    },
  );
}
