/** The command `audit`: the runbook's sections, checked on a stack. It changes nothing but its own state file. */

import { CHECKS } from '../audit/checks.js';
import { AuditError } from '../audit/facts/audit-error.js';
import { readBounded, readStream } from '../audit/facts/bounded-read.js';
import { collect, type Input, type SourceOptions } from '../audit/facts/collect.js';
import { writeState } from '../audit/facts/state.js';
import { type Check, SEVERITIES, type Severity } from '../audit/findings/finding.js';
import { renderList } from '../audit/report/list.js';
import { FORMATS, isFormat, render } from '../audit/report/render.js';
import { failsAt, runChecks } from '../audit/run.js';
import type { Config } from '../config/config.js';
import { hasColour } from '../observe/terminal.js';
import { auditConfiguration } from './audit-configuration.js';
import { command, EXIT, formatOf, type Io, UsageError, version } from './command.js';

const TEXT = { type: 'string' } as const;
const FLAG = { type: 'boolean' } as const;

export const auditCommand = command({
  name: 'audit',
  synopsis: '[OPTION...]',
  details: `  Checks a stack: its engine, its files and the proxy's policy. It changes nothing.
  --project NAME       the compose project
  --compose FILE       the output of: docker compose --profile '*' config --format json
  --inspect FILE       the output of: docker inspect $(docker ps -aq) $(docker network ls -q)
                       Without it the engine is asked (DOCKER_HOST, or the socket).
  --no-engine          does not ask an engine
  --env FILE           the stack's .env
  --data DIR           the folder of DATA_PATH
  --config FILE        the proxy's policy; its section audit says what each service is, and which findings to ignore
  --host-rules FILE    the output of iptables-save, or of nft list ruleset
  --state FILE         remembers when a secret was first seen, as a salted hash
  --max-age DAYS       a secret older than this is a finding (90)
  --only ID,...        runs these checks alone
  --skip ID,...        leaves these checks out
  --format FORMAT      ${FORMATS.join(', ')}; --json is the same as --format json
  --fail-on SEVERITY   ${SEVERITIES.join(', ')}: the lowest that makes the exit code 1 (high)
  --shell SHELL        sh or powershell: the shell for which the table prints commands
  --no-color           no colours, even at a terminal
  --list               prints the checks
  A FILE of "-" is standard input.
  exit code: 0 nothing at --fail-on or above, 1 a finding, 2 usage, or nothing could be read`,
  options: {
    project: TEXT,
    compose: TEXT,
    inspect: TEXT,
    'no-engine': FLAG,
    env: TEXT,
    data: TEXT,
    config: TEXT,
    'host-rules': TEXT,
    state: TEXT,
    'max-age': TEXT,
    only: TEXT,
    skip: TEXT,
    format: TEXT,
    json: FLAG,
    'fail-on': TEXT,
    shell: TEXT,
    'no-color': FLAG,
    list: FLAG,
  },
  async run(values, _operands, io) {
    const format = formatOf(values, 'table');
    if (!isFormat(format)) throw new UsageError(`--format is one of ${FORMATS.join(', ')}`);
    const failOn = severityOf(values['fail-on'] ?? 'high');
    const checks = chosen(values.only, values.skip);
    const shell = shellOf(values.shell);
    if (values.list === true) {
      io.stdout(renderList(checks, format));
      return EXIT.ok;
    }
    try {
      const config = auditConfiguration(values.config, values.env, io.env);
      const options = await sourcesOf(values, config, io);
      const { facts, state } = await collect(options);
      const findings = runChecks(checks, facts, config?.audit.ignore ?? []);
      const tool = { name: 'egress-proxy', version: version() };
      io.stdout(
        render(format, {
          findings,
          checks,
          facts,
          tool,
          shell,
          hasColour: values['no-color'] !== true && hasColour(process.stdout, io.env),
          now: options.now,
        }),
      );
      if (state !== null && values.state !== undefined) writeState(values.state, state);
      return failsAt(findings, failOn) ? EXIT.failed : EXIT.ok;
    } catch (error) {
      if (!(error instanceof AuditError)) throw error;
      io.stderr(`audit: ${error.message}\n`);
      return EXIT.usage;
    }
  },
});

type Values = Readonly<
  Partial<Record<'project' | 'compose' | 'inspect' | 'env' | 'data' | 'host-rules' | 'state' | 'max-age', string>>
> & {
  readonly 'no-engine'?: boolean | undefined;
};

async function sourcesOf(values: Values, config: Config | null, io: Io): Promise<SourceOptions> {
  const named = [values.compose, values.inspect, values['host-rules']];
  if (named.filter((path) => path === '-').length > 1) throw new UsageError('only one FILE can be standard input');
  return {
    project: values.project ?? null,
    compose: await inputOf(values.compose, io),
    inspect: await inputOf(values.inspect, io),
    hostRules: await inputOf(values['host-rules'], io),
    env: values.env ?? null,
    data: values.data ?? null,
    state: values.state ?? null,
    mostDays: daysOf(values['max-age'] ?? '90'),
    policy: config?.policy ?? null,
    guard: config?.guard ?? null,
    roles: config?.audit.roles ?? {},
    engine: values['no-engine'] === true ? null : io.env,
    now: new Date(),
  };
}

async function inputOf(path: string | undefined, io: Io): Promise<Input | null> {
  if (path === undefined) return null;
  if (path === '-') return { text: await readStream(io.stdin), name: 'standard input' };
  return { text: readBounded(path), name: JSON.stringify(path) };
}

function severityOf(text: string): Severity {
  const found = SEVERITIES.find((severity) => severity === text);
  if (found === undefined) throw new UsageError(`--fail-on is one of ${SEVERITIES.join(', ')}`);
  return found;
}

function daysOf(text: string): number {
  const days = Number(text.replace(/d$/, ''));
  if (!Number.isInteger(days) || days < 1) throw new UsageError('--max-age is a number of days, such as 90');
  return days;
}

function shellOf(text: string | undefined): 'sh' | 'powershell' {
  const shell = text ?? (process.platform === 'win32' ? 'powershell' : 'sh');
  if (shell !== 'sh' && shell !== 'powershell') throw new UsageError('--shell is sh or powershell');
  return shell;
}

/** The checks of the table that are asked for. An id that does not exist is a mistake, not an empty audit. */
function chosen(only: string | undefined, skip: string | undefined): readonly Check[] {
  const [wanted, unwanted] = [idsOf(only), idsOf(skip)];
  return CHECKS.filter(({ id }) => (wanted.length === 0 || wanted.includes(id)) && !unwanted.includes(id));
}

function idsOf(text: string | undefined): readonly string[] {
  const ids = (text ?? '')
    .split(',')
    .map((id) => id.trim())
    .filter((id) => id !== '');
  const unknown = ids.find((id) => !CHECKS.some((check) => check.id === id));
  if (unknown !== undefined) throw new UsageError(`there is no check ${JSON.stringify(unknown)}: see audit --list`);
  return ids;
}
