/** The command `rotate`: the steps that give a secret a new value. It reads, prints, and changes nothing. */
import { AuditError } from '../audit/facts/audit-error.js';
import { readBounded, readStream } from '../audit/facts/bounded-read.js';
import { collect, type Input } from '../audit/facts/collect.js';
import { printable } from '../audit/facts/printable.js';
import { ownSteps, type Step, variableSteps } from '../audit/rotation.js';
import { command, EXIT, type Io, UsageError } from './command.js';

const TEXT = { type: 'string' } as const;

export const rotateCommand = command({
  name: 'rotate',
  synopsis: '[OPTION...] NAME',
  details: `  Prints the steps that give a secret of this stack a new value: how to make it, what to restart and in
  which order, what to pair again. It changes nothing, and shows no secret.
  NAME           a variable of .env, such as OPS_CONTROLLER_TOKEN; for the proxy's own tokens admin, or client:NAME
  --env FILE     the stack's .env
  --compose FILE the output of: docker compose --profile '*' config --format json ("-": standard input)
  --project NAME the compose project, if the engine has several
  --no-engine    does not ask an engine which services use the secret
  --shell SHELL  sh or powershell: the shell for which commands are printed
  exit code: 0 printed, 2 usage, or something that was named cannot be read`,
  options: { env: TEXT, compose: TEXT, project: TEXT, 'no-engine': { type: 'boolean' }, shell: TEXT },
  operands: { least: 1, most: 1 },
  async run(values, [name = ''], io) {
    const shell = values.shell ?? (process.platform === 'win32' ? 'powershell' : 'sh');
    if (shell !== 'sh' && shell !== 'powershell') throw new UsageError('--shell is sh or powershell');
    const [, client = null] = /^client:([A-Za-z0-9._-]{1,64})$/.exec(name) ?? [];
    if (name === 'admin' || client !== null) {
      io.stdout(text(ownSteps(client), shell));
      return EXIT.ok;
    }
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name))
      throw new UsageError('NAME is a variable of .env, admin, or client:NAME');
    try {
      io.stdout(text(variableSteps(await factsOf(values, io), name), shell));
      return EXIT.ok;
    } catch (error) {
      if (!(error instanceof AuditError)) throw error;
      io.stderr(`rotate: ${error.message}\n`);
      return EXIT.usage;
    }
  },
});

interface Values {
  readonly env?: string | undefined;
  readonly compose?: string | undefined;
  readonly project?: string | undefined;
  readonly 'no-engine'?: boolean | undefined;
}

/** Without any source the steps are those of the stack as it is shipped. */
async function factsOf(values: Values, io: Io) {
  const { facts } = await collect({
    project: values.project ?? null,
    compose: values.compose === undefined ? null : await inputOf(values.compose, io),
    inspect: null,
    hostRules: null,
    env: values.env ?? null,
    data: null,
    state: null,
    mostDays: 1,
    policy: null,
    guard: null,
    roles: {},
    engine: values['no-engine'] === true ? null : io.env,
    mayBeEmpty: true,
    now: new Date(),
  });
  return facts;
}

async function inputOf(path: string, io: Io): Promise<Input> {
  if (path === '-') return { text: await readStream(io.stdin), name: 'standard input' };
  return { text: readBounded(path), name: JSON.stringify(path) };
}

function text(steps: readonly Step[], shell: 'sh' | 'powershell'): string {
  return steps
    .map(({ what, lines = [], sh, powershell = sh }, i) => {
      const commands = shell === 'sh' ? sh : powershell;
      const below = [...lines, ...commands].map((line) => `     ${printable(line, 4000)}\n`);
      return `${`${i + 1}.`.padEnd(3)} ${printable(what, 600)}\n${below.join('')}`;
    })
    .join('');
}
