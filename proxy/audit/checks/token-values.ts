/** §5: what the secrets of `.env` are, and whether containers have them. */

import type { EnvFile, Facts } from '../facts/facts.js';
import { isSecretName, type Secret } from '../facts/variables.js';
import type { Check, Result } from '../findings/finding.js';
import { pass, skipped } from '../findings/finding.js';
import { newValue, up } from '../findings/remedy.js';
import { withRole } from '../findings/seats.js';

/** What examples and defaults say. Everyone knows them. */
const KNOWN =
  /^(?:change[-_ ]?me.*|local|placeholder.*|your[-_ ].*|password\d*|secret|admin|test|token|example.*|ollama-local|default|none|x+|<.*>|\*+)$/i;
const ONE_CHARACTER = /^(.)\1*$/s;
/** A reference to another variable: its value is not in this file. */
const REFERENCE = /\$\{?[A-Za-z_]/;

/** Secrets that someone else issues: the stack does not choose their length. */
const ISSUED =
  /^(?:GITHUB|GITLAB|GH|HF|HUGGING|BRAVE|TAVILY|OPENAI|ANTHROPIC|OPENROUTER|GEMINI|GOOGLE|AZURE|AWS|N8N_API|TELEGRAM|DISCORD|SLACK|NOTION|CIVITAI|TS|TAILSCALE|CLOUDFLARE)/i;

const LEAST = { password: 12, issued: 16, own: 32 } as const;

/** Clients of a local gateway require a key, and any will do. */
const DUMMY_NAMES = new Set(['OPENAI_API_KEY', 'OLLAMA_API_KEY']);

interface Named {
  readonly name: string;
  readonly secret: Secret;
}

/** Each secret of the file that is set to a value of its own. */
function secretsOf(env: EnvFile): readonly Named[] {
  return env.variables.names().flatMap((name) => {
    const secret = isSecretName(name) ? env.variables.secret(name) : null;
    return secret === null || secret.isBlank || secret.matches(REFERENCE) ? [] : [{ name, secret }];
  });
}

function weakness({ name, secret }: Named): string | null {
  if (secret.matches(KNOWN)) {
    return DUMMY_NAMES.has(name) ? null : `is a default that everyone knows (${secret.length} characters)`;
  }
  if (secret.matches(ONE_CHARACTER)) return `is one character, ${secret.length} times`;
  const kind = /PASSWORD$/i.test(name) ? 'password' : ISSUED.test(name) ? 'issued' : 'own';
  return secret.length < LEAST[kind] ? `has only ${secret.length} characters; it needs ${LEAST[kind]} or more` : null;
}

export const tokenWeak: Check = {
  id: 'token-weak',
  section: '§5',
  expected: 'Tokens, keys and secrets have 32 random characters or more, passwords 12.',
  severity: 'high',
  sources: [['env'], ['docker'], ['compose']],
  references: [],
  run: (facts) => [...(facts.env === null ? [] : weakInFile(facts, facts.env)), ...weakMasterKey(facts)],
};

function weakInFile(facts: Facts, env: EnvFile): readonly Result[] {
  const weak = secretsOf(env).flatMap((named): Result[] => {
    const why = weakness(named);
    if (why === null) return [];
    const remedy = newValue(
      facts,
      named.name,
      users(facts, named.name),
      'A key that a provider issued is renewed there.',
    );
    const location = { file: env.path, line: env.lines.get(named.name) ?? null };
    return [
      {
        status: 'fail',
        service: null,
        subject: named.name,
        source: 'env',
        message: `${named.name} ${why}.`,
        remedy,
        location,
      },
    ];
  });
  return weak.length > 0 ? weak : [pass('env', null, 'No secret of .env is a default or too short.')];
}

/** The stack gives LITELLM_MASTER_KEY a default where `.env` has none. */
function weakMasterKey(facts: Facts): readonly Result[] {
  const name = 'LITELLM_MASTER_KEY';
  if (facts.env?.variables.has(name) === true) return [];
  return withRole(facts, 'model-gateway').flatMap((service): Result[] => {
    const running = service.containers[0];
    const secret = (running ?? service.compose)?.variables.secret(name) ?? null;
    const why = secret === null || secret.isBlank ? null : weakness({ name, secret });
    if (why === null) return [];
    const source = running === undefined ? 'compose' : 'docker';
    const remedy = newValue(facts, name, users(facts, name));
    return [{ status: 'fail', service: service.name, subject: name, source, message: `${name} ${why}.`, remedy }];
  });
}

/** The services that are given a variable. */
function users(facts: Facts, name: string): readonly string[] {
  const given = facts.services.filter(({ compose, containers }) =>
    [...containers, ...(compose === null ? [] : [compose])].some(({ variables }) => variables.names().includes(name)),
  );
  return given.map((service) => service.name);
}

/** Two names of one secret, by design. */
const SAME: readonly (readonly string[])[] = [
  ['LITELLM_MASTER_KEY', 'OPENAI_API_KEY', 'OLLAMA_API_KEY'],
  ['DISCORD_TOKEN', 'DISCORD_BOT_TOKEN'],
  ['HF_TOKEN', 'HUGGING_FACE_HUB_TOKEN'],
  ['GITHUB_TOKEN', 'GH_TOKEN', 'GITHUB_PERSONAL_ACCESS_TOKEN'],
];

export const tokenReused: Check = {
  id: 'token-reused',
  section: '§5',
  expected: 'No two secrets have the same value.',
  severity: 'high',
  sources: [['env']],
  references: [],
  run: (facts) => {
    const { env } = facts;
    if (env === null) return [];
    const strong = secretsOf(env).filter(({ secret }) => !secret.matches(KNOWN));
    const groups = strong.flatMap((one, i) => {
      const same = strong.filter(({ secret }) => secret.equals(one.secret));
      const isFirst = strong.findIndex(({ secret }) => secret.equals(one.secret)) === i;
      return isFirst && same.length > 1 && !areOne(same) ? [same.map(({ name }) => name)] : [];
    });
    if (groups.length === 0) return [pass('env', null, 'All secrets of .env differ.')];
    return groups.map((names): Result => {
      const last = names.at(-1) ?? '';
      const message = `${names.slice(0, -1).join(', ')} and ${last} have the same value.`;
      const location = { file: env.path, line: env.lines.get(last) ?? null };
      return {
        status: 'fail',
        subject: names.join(' '),
        service: null,
        source: 'env',
        message,
        location,
        remedy: newValue(facts, last, users(facts, last)),
      };
    });
  },
};

function areOne(named: readonly Named[]): boolean {
  return SAME.some((names) => named.every(({ name }) => names.includes(name)));
}

export const tokenStale: Check = {
  id: 'token-stale-in-container',
  section: '§5',
  expected: 'Running containers have the secrets that .env has now.',
  severity: 'medium',
  sources: [['env', 'docker']],
  references: [],
  run: (facts) => {
    const { env } = facts;
    if (env === null) return [];
    const running = facts.services.filter(({ containers }) => containers.some(({ isRunning }) => isRunning));
    if (running.length === 0) return [skipped('docker', null, 'Nothing of the stack runs.')];
    const stale = secretsOf(env).flatMap((named): Result[] => {
      const old = running.filter((service) => hasOld(service, named)).map(({ name }) => name);
      if (old.length === 0) return [];
      const verb = old.length === 1 ? 'runs' : 'run';
      const message = `${named.name} changed in .env, ${old.join(', ')} still ${verb} with the old one.`;
      const service = old.length === 1 ? (old[0] ?? null) : null;
      return [{ status: 'fail', service, subject: named.name, source: 'docker', message, remedy: { sh: up(...old) } }];
    });
    return stale.length > 0 ? stale : [pass('docker', null, 'Containers have the secrets of .env.')];
  },
};

/** A value that the compose file gives by itself, such as a dummy for a local gateway, does not come from `.env`. */
function hasOld({ containers, compose }: Facts['services'][number], { name, secret }: Named): boolean {
  const asked = compose?.variables.secret(name) ?? null;
  if (asked !== null && !asked.equals(secret)) return false;
  return containers.some((container) => {
    const given = container.isRunning ? container.variables.secret(name) : null;
    if (given === null || given.equals(secret)) return false;
    return asked !== null || !given.matches(KNOWN);
  });
}

export const tokenOld: Check = {
  id: 'token-old',
  section: '§5',
  expected: 'Secrets are renewed within 90 days, or --max-age.',
  severity: 'low',
  sources: [['env', 'state']],
  references: [],
  run: (facts) => {
    const { ages } = facts;
    if (ages === null) return [];
    const old = [...ages.days].filter(([, days]) => days >= ages.mostDays);
    if (old.length === 0) return [pass('state', null, `No secret is known to be ${ages.mostDays} days old.`)];
    return old.map(([name, days]): Result => {
      const message = `${name} has not changed for ${days} days, as far as the state file knows.`;
      return {
        status: 'fail',
        subject: name,
        service: null,
        source: 'state',
        message,
        remedy: newValue(facts, name, users(facts, name)),
      };
    });
  },
};
