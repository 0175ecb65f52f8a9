/** Remedies for this very stack: project, service and file names are filled in, and quoted for the shell. */
import type { Facts } from '../facts/facts.js';
import type { Remedy } from './finding.js';

/** A word that no shell takes apart. What has no printable form keeps none here either. */
export function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) && word !== '' ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

export function powershellWord(word: string): string {
  return /^[\w.:/\\-]+$/.test(word) ? word : `'${word.replaceAll("'", "''")}'`;
}

/** A key or a plain scalar of YAML, quoted unless it is a plain word. */
export function yamlWord(word: string): string {
  return /^[A-Za-z_][\w.-]*$/.test(word) && !/^(?:y|n|yes|no|on|off|true|false|null)$/i.test(word)
    ? word
    : JSON.stringify(word);
}

/** Restarts the services with what their files say now. */
export function up(...services: readonly string[]): readonly string[] {
  return [`docker compose up -d ${[...new Set(services)].map(shellWord).join(' ')}`.trim()];
}

/** Networks are made once: only a stack that is down can change them. */
export const DOWN_AND_UP = ['docker compose down', 'docker compose up -d'] as const;

/** Lines for one service in the override file, and the start that applies them. */
export function serviceOverride(service: string, lines: readonly string[], note?: string): Remedy {
  const override = ['services:', `  ${yamlWord(service)}:`, ...lines.map((line) => `    ${line}`)].join('\n');
  return { override, sh: up(service), ...(note === undefined ? {} : { note }) };
}

/** Gives a variable of `.env` a new random value. The old line goes: two lines of one name are a trap. */
export function newValue(facts: Facts, name: string, services: readonly string[], note?: string): Remedy {
  const file = facts.paths.env;
  const sh = [
    `sed -i.bak '/^${name}=/d' ${shellWord(file)} && rm ${shellWord(`${file}.bak`)}`,
    `printf '\\n${name}=%s\\n' "$(openssl rand -hex 32)" >> ${shellWord(file)}`,
  ];
  const ps = powershellWord(file);
  const powershell = [
    `(Get-Content ${ps}) -notmatch '^${name}=' | Set-Content ${ps}`,
    `$b = [byte[]]::new(32); [Security.Cryptography.RandomNumberGenerator]::Create().GetBytes($b)`,
    `Add-Content ${ps} ('${name}=' + -join ($b | ForEach-Object { $_.ToString('x2') }))`,
  ];
  const start = services.length === 0 ? [] : up(...services);
  return { sh: [...sh, ...start], powershell: [...powershell, ...start], ...(note === undefined ? {} : { note }) };
}

/** Gives a variable of `.env` a value that is no secret. */
export function setValue(facts: Facts, name: string, value: string, services: readonly string[]): Remedy {
  const file = facts.paths.env;
  const ps = powershellWord(file);
  const start = services.length === 0 ? [] : up(...services);
  return {
    sh: [
      `sed -i.bak '/^${name}=/d' ${shellWord(file)} && rm ${shellWord(`${file}.bak`)}`,
      `printf '\\n%s\\n' ${shellWord(`${name}=${value}`)} >> ${shellWord(file)}`,
      ...start,
    ],
    powershell: [
      `(Get-Content ${ps}) -notmatch '^${name}=' | Set-Content ${ps}`,
      `Add-Content ${ps} '${name}=${value.replaceAll("'", "''")}'`,
      ...start,
    ],
  };
}

/** Only the owner may read it. */
export function ownerOnly(path: string): Remedy {
  const file = powershellWord(path);
  return {
    sh: [`chmod 600 ${shellWord(path)}`],
    powershell: [`icacls ${file} /inheritance:r /grant:r "$($env:USERNAME):(R,W)"`],
  };
}

/** Puts the sidecar and its networks over the stack. */
export function installSidecar(): Remedy {
  return {
    sh: ['mcp-egress-proxy/docker/install.sh', 'docker compose up -d'],
    powershell: ['docker compose up -d'],
    note: 'With mcp-egress-proxy in the folder of the stack. On Windows, first do by hand what install.sh does: see docker/README.md.',
  };
}
