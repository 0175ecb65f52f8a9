/** The steps that give a secret of the stack a new value, in the order in which nothing is locked out for long. */
import type { AuditRole } from '../config/audit-roles.js';
import type { Facts } from './facts/facts.js';
import type { Remedy } from './findings/finding.js';
import { newValue, up } from './findings/remedy.js';
import { withRole } from './findings/seats.js';

export interface Step {
  /** What it is for, as one sentence. */
  readonly what: string;
  readonly sh: readonly string[];
  readonly powershell?: readonly string[];
  /** YAML or text to write, before the commands. */
  readonly lines?: readonly string[];
}

interface Known {
  /** Who checks the secret comes first, then who presents it. */
  readonly roles: readonly AuditRole[];
  /** Services beside those of the roles, where the stack has them. */
  readonly also?: readonly string[];
  readonly after?: string;
}

const KNOWN: Readonly<Record<string, Known>> = {
  OPS_CONTROLLER_TOKEN: { roles: ['ops-controller', 'dashboard', 'mcp-gateway'] },
  DASHBOARD_AUTH_TOKEN: {
    roles: ['dashboard', 'mcp-gateway'],
    after: 'Log in to the dashboard again, with the new token.',
  },
  THROUGHPUT_RECORD_TOKEN: { roles: ['dashboard', 'model-gateway'] },
  OPENCLAW_GATEWAY_TOKEN: {
    also: ['openclaw-config-sync', 'openclaw-gateway', 'openclaw-ui-proxy'],
    roles: ['openclaw-gateway', 'dashboard'],
    after: 'Pair the clients of OpenClaw again: browsers, phones and nodes have the old token.',
  },
  LITELLM_MASTER_KEY: {
    roles: ['model-gateway', 'open-webui', 'n8n'],
    after: 'Give the new key to every client of the model gateway that is not a service of the stack.',
  },
  MCP_GATEWAY_AUTH_TOKEN: { roles: ['mcp-gateway'], after: 'Give the new token to every MCP client of the gateway.' },
  N8N_ENCRYPTION_KEY: {
    roles: ['n8n'],
    after:
      'n8n cannot read credentials that it stored with the old key: export them first, and import them afterwards.',
  },
  WEBUI_SECRET_KEY: { roles: ['open-webui'], after: 'Everyone logs in to Open WebUI again.' },
  EGRESS_ADMIN_TOKEN: {
    roles: ['egress-proxy'],
    after: 'Open the page with the new token. To rotate without a restart: egress-proxy rotate admin.',
  },
};

/** Only the provider can make a new one. */
const ISSUED =
  /^(?:GITHUB|GITLAB|GH|HF|HUGGING|BRAVE|TAVILY|OPENAI|ANTHROPIC|OPENROUTER|GEMINI|GOOGLE|AZURE|AWS|TELEGRAM|DISCORD|SLACK|NOTION|CIVITAI|TAILSCALE|CLOUDFLARE)/;

/** For a variable of `.env`. */
export function variableSteps(facts: Facts, name: string): readonly Step[] {
  const known = KNOWN[name] ?? { roles: [] };
  const isIssued = ISSUED.test(name);
  const write = isIssued ? written(facts, name) : newValue(facts, name, []);
  const services = inOrder(facts, name, known);
  const restart: Step[] =
    services.length === 0
      ? [{ what: 'Restart what uses it, so that it gets the new value.', sh: ['docker compose up -d'] }]
      : services.map((service) => ({ what: `Restart ${service}, so that it gets the new value.`, sh: up(service) }));
  const check = `egress-proxy audit --env ${facts.paths.env} --only token-weak,token-reused,token-stale-in-container`;
  return [
    ...(isIssued ? [{ what: 'Create a new one at its provider, and leave the old one valid for now.', sh: [] }] : []),
    { what: `Write the new value to ${facts.paths.env}.`, ...write },
    ...restart,
    ...(known.after === undefined ? [] : [{ what: known.after, sh: [] }]),
    ...(isIssued ? [{ what: 'Revoke the old one at its provider.', sh: [] }] : []),
    { what: 'Check that nothing still runs with the old one.', sh: [check] },
  ];
}

/** The value is read without echo, so that neither the screen nor a history of the shell shows it. */
function written(facts: Facts, name: string): Remedy {
  const { sh, powershell = [] } = newValue(facts, name, []);
  const append = (sh[1] ?? '').replace(/"\$\(openssl[^"]*"/, '"$value"');
  const ask = `$value = Read-Host -AsSecureString | ConvertFrom-SecureString -AsPlainText`;
  const file = /^Add-Content (\S+)/.exec(powershell.at(-1) ?? '')?.[1] ?? '.env';
  return {
    sh: [sh[0] ?? '', 'stty -echo; read -r value; stty echo', append],
    powershell: [powershell[0] ?? '', ask, `Add-Content ${file} "${name}=$value"`],
  };
}

/** Known ones in their order, then whoever else is given the variable. Without any source of the stack, by their usual names. */
function inOrder(facts: Facts, name: string, known: Known): readonly string[] {
  if (facts.services.length === 0) return [...new Set([...(known.also ?? []), ...known.roles])];
  const users = facts.services.filter(({ compose, containers }) =>
    [...containers, ...(compose === null ? [] : [compose])].some(({ variables }) => variables.names().includes(name)),
  );
  const also = (known.also ?? []).filter((service) => facts.services.some((one) => one.name === service));
  const playing = known.roles.flatMap((role) => withRole(facts, role));
  const owners = playing.filter((service, i) => i === 0 || users.includes(service));
  return [...new Set([...also, ...[...owners, ...users].map((service) => service.name)])];
}

/** For a token that the stack makes: two count at the same time, so nobody is locked out, and nothing restarts but its holder. */
export function ownSteps(client: string | null): readonly Step[] {
  const key = client === null ? 'admin' : `clients, the entry ${client}`;
  const file = client === null ? 'egress_admin' : `egress_client_${client.replace(/[^\w-]/g, '_')}`;
  const holder =
    client === null
      ? 'Open the page with the new token, and give it to scripts.'
      : `Give the new token to ${client}, and restart it: HTTP_PROXY=http://${client}:TOKEN@egress-proxy:3128 and the other five variables.`;
  const powershell = [
    '$b = [byte[]]::new(24); [Security.Cryptography.RandomNumberGenerator]::Create().GetBytes($b)',
    `Set-Content secrets/${file}_next (-join ($b | ForEach-Object { $_.ToString('x2') }))`,
  ];
  return [
    {
      what: 'Make the new token, in a file that only you can read; the sidecar mounts the folder as /run/secrets.',
      sh: [`(umask 077; openssl rand -hex 24 > secrets/${file}_next)`],
      powershell,
    },
    {
      what: `Name it in the policy, under ${key}. Both tokens are valid within seconds; nothing restarts.`,
      lines: [`token: "\${file:/run/secrets/${file}}"`, `next: "\${file:/run/secrets/${file}_next}"`],
      sh: [],
    },
    { what: holder, sh: [] },
    {
      what: 'Replace the old token by the new one, and remove next from the policy. The old token ends within seconds.',
      sh: [`cat secrets/${file}_next > secrets/${file}`],
      powershell: [`Set-Content secrets/${file} (Get-Content secrets/${file}_next)`],
    },
    {
      what: 'Remove the file of the second token.',
      sh: [`rm secrets/${file}_next`],
      powershell: [`Remove-Item secrets/${file}_next`],
    },
  ];
}
