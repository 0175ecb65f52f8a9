/** §11: secrets in the configuration of OpenClaw and of MCP servers. */

import type { DataFacts, Facts, PlainSecret, StackService } from '../facts/facts.js';
import type { Check, Result } from '../findings/finding.js';
import { pass, skipped } from '../findings/finding.js';
import { newValue, up } from '../findings/remedy.js';
import { seatsOf, withRole } from '../findings/seats.js';
import { judgeFile } from './token-files.js';

const TOKEN = 'OPENCLAW_GATEWAY_TOKEN';

type WithOpenclaw = DataFacts & { readonly openclaw: NonNullable<DataFacts['openclaw']> };

function openclawOf(facts: Facts): WithOpenclaw['openclaw'] | null {
  return facts.data?.openclaw ?? null;
}

export const plainSecretInOpenclaw: Check = {
  id: 'plain-secret-in-openclaw',
  section: '§11',
  expected: 'openclaw.json refers to secrets, and holds none but gateway.auth.token.',
  severity: 'medium',
  sources: [['data']],
  references: [],
  run: (facts) => {
    const openclaw = openclawOf(facts);
    if (openclaw === null) return [];
    if (openclaw.secrets.length === 0) return [pass('data', 'openclaw-gateway', 'It holds no other secret.')];
    return openclaw.secrets.map((secret) => plain(secret, 'openclaw-gateway'));
  },
};

export const plainSecretInMcpConfig: Check = {
  id: 'plain-secret-in-mcp-config',
  section: '§11',
  expected: 'The custom registries of MCP servers refer to secrets, and hold none.',
  severity: 'medium',
  sources: [['data']],
  references: [],
  run: (facts) => {
    const secrets = facts.data?.mcpSecrets ?? [];
    if (secrets.length === 0) return [pass('data', 'mcp-gateway', 'They hold no secret.')];
    return secrets.map((secret) => plain(secret, 'mcp-gateway'));
  },
};

function plain({ file, path, length }: PlainSecret, service: string): Result {
  const note =
    'Put a reference to a variable in its place, renew it at the provider, and encrypt backups of the file or leave it out of them.';
  return {
    status: 'fail',
    service,
    subject: path,
    source: 'data',
    message: `${path} is in plain text.`,
    actual: `${length} characters`,
    location: { file, line: null },
    remedy: { sh: [], note },
  };
}

export const openclawTokenMismatch: Check = {
  id: 'openclaw-token-mismatch',
  section: '§11',
  expected: 'gateway.auth.token of openclaw.json is the token of .env.',
  severity: 'medium',
  sources: [['data', 'env']],
  references: [],
  run: (facts) => {
    const openclaw = openclawOf(facts);
    if (openclaw === null) return [];
    const written = openclaw.gateway.secret('TOKEN');
    const token = facts.env?.variables.secret(TOKEN) ?? null;
    if (written === null || token === null || written.equals(token)) {
      return [pass('data', 'openclaw-gateway', 'Both have the same token.')];
    }
    const names = facts.services.map(({ name }) => name);
    const restart = names.filter((name) => name === 'openclaw-config-sync' || name === 'openclaw-gateway');
    const message = 'The token in openclaw.json is not the one in .env.';
    const remedy = { sh: restart.length === 0 ? [] : up(...restart), note: 'Then pair the clients of OpenClaw again.' };
    return [
      {
        status: 'fail',
        service: 'openclaw-gateway',
        source: 'data',
        message,
        location: { file: openclaw.path, line: null },
        remedy,
      },
    ];
  },
};

const SYNCED =
  /(?:^|[/\\])(?:OneDrive[^/\\]*|Dropbox[^/\\]*|iCloud[^/\\]*|Mobile Documents|Google Drive|CloudStorage)[/\\]/i;

export const openclawFileOpen: Check = {
  id: 'openclaw-file-open',
  section: '§11',
  expected: 'openclaw.json has mode 0600, is not tracked by Git, and is in no folder that is synchronised.',
  severity: 'medium',
  sources: [['data']],
  references: [],
  run: (facts) => {
    const openclaw = openclawOf(facts);
    if (openclaw === null) return [];
    const results = judgeFile(facts, openclaw, 'data', 0o600);
    if (!SYNCED.test(openclaw.path)) return results;
    const message = `${openclaw.path} is in a folder that is synchronised to a cloud.`;
    const remedy = { sh: [], note: 'Move the data of the stack out of that folder: DATA_PATH in .env.' };
    const failing = results.filter(({ status }) => status === 'fail');
    return [
      ...failing,
      { status: 'fail', service: null, source: 'data', message, remedy, location: { file: openclaw.path, line: null } },
    ];
  },
};

export const openclawTokenMissing: Check = {
  id: 'openclaw-token-missing',
  section: '§11',
  expected: `${TOKEN} is set.`,
  severity: 'high',
  sources: [['env'], ['docker'], ['compose']],
  references: ['SECURITY.md'],
  run: (facts) =>
    gatewaysOf(facts).map((service) => {
      const [seat] = seatsOf(service);
      const isSet = facts.env?.variables.has(TOKEN) === true || seat?.settings.variables.has(TOKEN) === true;
      if (isSet) return pass('env', service.name, 'It is set.');
      if (facts.env === null && seat === undefined) return skipped('env', service.name, 'There is no .env.');
      const message = `${TOKEN} is not set: whoever reaches ${service.name} controls it.`;
      return {
        status: 'fail',
        service: service.name,
        source: 'env',
        message,
        remedy: newValue(facts, TOKEN, [service.name]),
      };
    }),
};

/** Its configuration shows that there is an OpenClaw, where neither engine nor compose file was given. */
function gatewaysOf(facts: Facts): readonly StackService[] {
  if (facts.engine !== null || facts.compose !== null) return withRole(facts, 'openclaw-gateway');
  if (openclawOf(facts) === null) return [];
  return [{ name: 'openclaw-gateway', roles: new Set(), compose: null, containers: [] }];
}
