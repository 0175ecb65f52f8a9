/** §5 and §11: who can read the files that hold secrets, and which services get all of them. */
import type { AuditRole } from '../../config/audit-roles.js';
import type { EnvFile, Facts, FileFacts, StackService } from '../facts/facts.js';
import { isSecretName, type Variables } from '../facts/variables.js';
import type { Check, Result } from '../findings/finding.js';
import { pass, skipped } from '../findings/finding.js';
import { ownerOnly, powershellWord, serviceOverride, shellWord } from '../findings/remedy.js';
import { seatsOf } from '../findings/seats.js';

export const envFileReadable: Check = {
  id: 'env-file-readable',
  section: '§5',
  expected: 'Only the owner and the group can read .env (mode 0600 or 0640), and Git does not track it.',
  severity: 'medium',
  sources: [['env']],
  references: [],
  run: (facts) => {
    const files = [facts.env, facts.toolEnv].filter((file) => file !== null);
    return files.flatMap((file) => {
      const { variables, path } = file;
      const holdsSecret = variables.names().some((name) => isSecretName(name) && variables.has(name));
      return holdsSecret ? judgeFile(facts, file, 'env', 0o640) : [pass('env', null, `${path} holds no secret.`)];
    });
  },
};

/** One result for the tracking and one for the mode, where they are wrong. */
export function judgeFile(facts: Facts, file: FileFacts, source: 'env' | 'data', most: number): readonly Result[] {
  const location = { file: file.path, line: null };
  const found = { status: 'fail', service: null, subject: file.path, source, location } as const;
  const tracked: Result[] =
    file.isTracked === true
      ? [
          {
            ...found,
            severity: 'critical',
            subject: 'git',
            message: `Git tracks ${file.path}, with its secrets.`,
            remedy: untrack(file.path),
          },
        ]
      : [];
  if (hasNoModes(facts, file)) {
    return tracked.length > 0 ? tracked : [skipped(source, null, `${file.path} is on a system without file modes.`)];
  }
  const mode = file.mode ?? 0;
  if ((mode & ~most & 0o777) === 0) {
    return tracked.length > 0 ? tracked : [pass(source, null, `${file.path} has mode ${octal(mode)}.`)];
  }
  const who = (mode & 0o007) === 0 ? 'by its group' : 'by everyone';
  const what = (mode & 0o022 & ~most) === 0 ? 'readable' : 'writable';
  const message = `${file.path} is ${what} ${who}.`;
  return [...tracked, { ...found, message, actual: `mode ${octal(mode)}`, remedy: ownerOnly(file.path) }];
}

/** Mounts of Docker Desktop are 0777 whatever the file is. */
function hasNoModes(facts: Facts, file: FileFacts): boolean {
  return file.mode === null || /Docker Desktop/i.test(facts.engine?.daemon?.operatingSystem ?? '');
}

function octal(mode: number): string {
  return `0${mode.toString(8).padStart(3, '0')}`;
}

function untrack(path: string) {
  const name = path.replace(/^.*[\\/]/, '');
  return {
    sh: [`git rm --cached ${shellWord(path)}`, `echo ${shellWord(name)} >> .gitignore`],
    powershell: [`git rm --cached ${powershellWord(path)}`, `Add-Content .gitignore ${powershellWord(name)}`],
    note: 'The history keeps it: rotate every secret that was in it.',
  };
}

export const envFileHandedOver: Check = {
  id: 'env-file-handed-over',
  section: '§5',
  expected: 'No service gets the whole of .env: each has the variables that it uses.',
  severity: 'high',
  sources: [
    ['env', 'compose'],
    ['env', 'docker'],
  ],
  references: [],
  run: (facts) => {
    const { env } = facts;
    if (env === null) return [];
    const found = facts.services.flatMap((service) => judgeService(env, service));
    return found.length > 0 ? found : [pass('compose', null, 'No service gets all of .env.')];
  },
};

function judgeService(env: EnvFile, service: StackService): readonly Result[] {
  for (const { settings, source } of seatsOf(service)) {
    if (!holdsAll(env.variables, settings.variables)) continue;
    const stem = service.name.split('-')[0]?.toUpperCase() ?? '';
    const names = env.variables.names();
    const foreign = names.filter((name) => isSecretName(name) && env.variables.has(name) && !uses(service, stem, name));
    if (foreign.length === 0) continue;
    const own = names.filter((name) => name.startsWith(stem)).map((name) => `${name}: "\${${name}}"`);
    const lines = ['env_file: !reset []', ...(own.length === 0 ? [] : [`environment: { ${own.join(', ')} }`])];
    const message = `${service.name} receives all of .env: ${foreign.join(', ')}.`;
    const remedy = serviceOverride(service.name, lines, 'Add what else it uses to environment.');
    return [{ status: 'fail', service: service.name, source, message, remedy }];
  }
  return [];
}

/** Who needs which secret of the stack, beside the service that it is named after. */
const USERS: Readonly<Record<string, readonly AuditRole[]>> = {
  OPS_CONTROLLER_TOKEN: ['ops-controller', 'dashboard', 'mcp-gateway'],
  DASHBOARD_AUTH_TOKEN: ['dashboard', 'mcp-gateway'],
  THROUGHPUT_RECORD_TOKEN: ['dashboard', 'model-gateway'],
  OPENCLAW_GATEWAY_TOKEN: ['dashboard', 'openclaw-gateway'],
  LITELLM_MASTER_KEY: ['model-gateway'],
  GITHUB_PERSONAL_ACCESS_TOKEN: ['mcp-gateway'],
};

function uses({ roles }: StackService, stem: string, name: string): boolean {
  return name.startsWith(stem) || (USERS[name] ?? []).some((role) => roles.has(role));
}

/** Every secret of the file is there, and there are several: nobody lists them all by hand. */
function holdsAll(file: Variables, given: Variables): boolean {
  const secrets = file.names().filter((name) => isSecretName(name) && file.has(name));
  const there = new Set(given.names());
  return secrets.length >= 2 && secrets.every((name) => there.has(name));
}
