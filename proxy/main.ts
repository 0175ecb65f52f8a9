#!/usr/bin/env node
/** The command `egress-proxy`. Each command loads only what it needs. */
import { realpathSync } from 'node:fs';
import nodeModule from 'node:module';
import { fileURLToPath } from 'node:url';

/** Argument list (without the command's name) in, exit code out; null: the command runs on and sets it itself. */
type Command = (argv: readonly string[]) => Promise<number | null>;

const COMMANDS: Readonly<Record<string, { readonly does: string; readonly load: () => Promise<Command> }>> = {
  serve: { does: 'runs the proxy (the default)', load: async () => (await import('./cli/serve.js')).serveCommand },
  check: {
    does: 'explains what would happen to a target',
    load: async () => (await import('./cli/check.js')).checkCommand,
  },
  probe: {
    does: 'run where a tool runs: tries every way out',
    load: async () => (await import('./cli/probe.js')).probeCommand,
  },
  ranges: {
    does: 'prints the ranges that the policy knows',
    load: async () => (await import('./cli/ranges.js')).rangesCommand,
  },
  firewall: {
    does: "prints the host's packet filter rules of the same policy",
    load: async () => (await import('./cli/firewall.js')).firewallCommand,
  },
  suggest: {
    does: 'prints a policy that allows what was seen',
    load: async () => (await import('./cli/suggest.js')).suggest,
  },
  healthcheck: {
    does: 'exits 0 if the instance of this container is ready',
    load: async () => (await import('./cli/healthcheck.js')).healthcheckCommand,
  },
};

const USAGE = `usage: egress-proxy [COMMAND] [OPTION...]\n\n${Object.entries(COMMANDS)
  .map(([name, { does }]) => `  ${name.padEnd(12)} ${does}\n`)
  .join('')}\n  --config FILE falls back to EGRESS_CONFIG, then to the shipped policy.\n`;

/** When all that a start needs is compiled. */
const COMPILED_MS = 2000;

/** The exit code, or null where the process goes on. */
export async function main(argv: readonly string[]): Promise<number | null> {
  const [first = 'serve', ...rest] = argv;
  if (first === '--help' || first === '-h' || first === 'help') {
    process.stdout.write(USAGE);
    return 0;
  }
  const name = first.startsWith('-') ? 'serve' : first;
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) {
    process.stderr.write(`egress-proxy: no command ${JSON.stringify(name)}\n\n${USAGE}`);
    return 2;
  }
  return (await command.load())(first.startsWith('-') ? argv : rest);
}

function isMain(): boolean {
  const script = process.argv[1];
  return script !== undefined && realpathSync(script) === fileURLToPath(import.meta.url);
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

if (isMain()) {
  keepCompiledCode();
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
