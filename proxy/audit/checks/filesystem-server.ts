/** §10: the MCP server that reads and writes files. */

import { serverNames } from '../facts/data-files.js';
import type { Facts } from '../facts/facts.js';
import type { Check, Result } from '../findings/finding.js';
import { pass } from '../findings/finding.js';
import { shellWord, up } from '../findings/remedy.js';
import { seatsOf, withRole } from '../findings/seats.js';

const FILESYSTEM = 'filesystem';

export const filesystemServerOn: Check = {
  id: 'filesystem-server-on',
  section: '§10',
  expected: 'The filesystem server is off, or has a root and clients of its own.',
  severity: 'high',
  sources: [['data'], ['env'], ['docker']],
  references: [],
  run: (facts) => {
    const place = enabledIn(facts);
    if (place === null) return [pass('data', 'mcp-gateway', 'The filesystem server is not enabled.')];
    const hasRoot = rootsOf(facts).length > 0;
    const hasClients = facts.data?.registry?.get(FILESYSTEM)?.allowsClients === true;
    if (hasRoot && hasClients) return [pass('data', 'mcp-gateway', 'The filesystem server has a root and clients.')];
    const empty = hasClients
      ? 'no root is set for it'
      : 'the empty allow_clients in registry.json does not stop it: nothing reads that key';
    const message = `filesystem is enabled in ${place}; ${empty}.`;
    return [{ status: 'fail', service: 'mcp-gateway', source: 'data', message, remedy: takeOut(facts, place) }];
  },
};

/** The file or variable that enables it. */
function enabledIn(facts: Facts): string | null {
  if (facts.data?.servers?.includes(FILESYSTEM) === true) return 'servers.txt';
  const seats = withRole(facts, 'mcp-gateway').flatMap(seatsOf);
  const given = [facts.env?.variables, ...seats.map(({ settings }) => settings.variables)];
  const names = given.flatMap((variables) => serverNames(variables?.plain('MCP_GATEWAY_SERVERS') ?? ''));
  return names.includes(FILESYSTEM) ? 'MCP_GATEWAY_SERVERS' : null;
}

function takeOut(facts: Facts, place: string) {
  const gateways = withRole(facts, 'mcp-gateway').map(({ name }) => name);
  const start = gateways.length === 0 ? [] : up(...gateways);
  if (place !== 'servers.txt') {
    return { sh: start, note: `Take filesystem out of MCP_GATEWAY_SERVERS in ${facts.paths.env} first.` };
  }
  const file = `${facts.data?.folder ?? 'data'}/mcp/servers.txt`;
  const sed = `sed -i.bak -e 's/\\bfilesystem\\b//g' -e 's/,,*/,/g' -e 's/^,//' -e 's/,$//' -e '/^[[:space:]]*$/d' ${shellWord(file)}`;
  const powershell = `(Get-Content '${file}') -replace '\\bfilesystem\\b,?','' -ne '' | Set-Content '${file}'`;
  return {
    sh: [sed, ...start],
    powershell: [powershell, ...start],
    note: 'Or give it an exact bind in the guard policy.',
  };
}

export const filesystemSeeded: Check = {
  id: 'filesystem-seeded',
  section: '§10',
  expected: 'servers.txt names a server: where it is empty, every key of registry.json is enabled.',
  severity: 'high',
  sources: [['data']],
  references: [],
  run: (facts) => {
    const { servers, registry } = facts.data ?? { servers: null, registry: null };
    if (registry === null) return [pass('data', 'mcp-gateway', 'There is no registry.json.')];
    if (servers === null || servers.length > 0)
      return [pass('data', 'mcp-gateway', 'servers.txt says which servers run.')];
    const also = registry.has(FILESYSTEM) ? ', filesystem too' : '';
    const message = `servers.txt is empty: the wrapper then enables every key of registry.json${also}.`;
    const file = `${facts.data?.folder ?? 'data'}/mcp/servers.txt`;
    const remedy = {
      sh: [`echo duckduckgo > ${shellWord(file)}`],
      powershell: [`Set-Content '${file}' duckduckgo`],
    };
    return [{ status: 'fail', service: 'mcp-gateway', source: 'data', message, remedy }];
  },
};

/** Where the server may read and write, and what says so. */
function rootsOf(facts: Facts): readonly { readonly path: string; readonly from: string }[] {
  const toolRoot = facts.toolEnv?.variables.plain('FILESYSTEM_ROOT') ?? facts.env?.variables.plain('FILESYSTEM_ROOT');
  const tools = facts.tools.filter(({ tool }) => tool === FILESYSTEM);
  const guarded = (facts.guard?.servers ?? []).filter(({ name }) => name === FILESYSTEM);
  return [
    ...guarded.flatMap(({ binds }) => binds.map(({ source }) => ({ path: source, from: 'guard.servers' }))),
    ...(toolRoot ? [{ path: toolRoot, from: 'FILESYSTEM_ROOT' }] : []),
    ...(facts.data?.filesystemPaths ?? []).map((path) => ({ path, from: 'config.yaml' })),
    ...tools.flatMap(({ mounts, name }) =>
      mounts.filter(({ isBind }) => isBind).map(({ source }) => ({ path: source, from: `the mounts of ${name}` })),
    ),
  ];
}

const BROAD =
  /^(?:[/\\]|~|\$HOME|\$\{HOME\}|[A-Za-z]:|\/(?:home|Users|root|etc|var|usr|opt|srv|mnt|media|boot|dev|proc|sys|run|lib|bin|sbin|tmp)|(?:\/home|\/Users|[A-Za-z]:\\Users|\/mnt\/[a-z]\/Users)[/\\]?[^/\\]*|\/mnt\/[a-z])$/i;

export const filesystemRootBroad: Check = {
  id: 'filesystem-root-broad',
  section: '§10',
  expected: 'The filesystem server sees one project folder, not a home or a system folder.',
  severity: 'high',
  sources: [['env'], ['data'], ['docker'], ['policy']],
  references: cis(),
  run: (facts) => {
    const broad = rootsOf(facts).filter(({ path }) => BROAD.test(path.replace(/(?<=.)[/\\]+$/, '').trim()));
    if (broad.length === 0) return [pass('env', 'mcp-gateway', 'No broad folder is given to the filesystem server.')];
    return broad.map(({ path, from }): Result => {
      const message = `The filesystem server sees all of ${path} (${from}).`;
      const note = 'Name one project folder there.';
      return {
        status: 'fail',
        service: 'mcp-gateway',
        subject: path,
        source: 'env',
        message,
        remedy: { sh: [], note },
      };
    });
  },
};

function cis(): readonly string[] {
  return ['CIS Docker Benchmark 1.6.0: 5.6'];
}

export const filesystemRootIneffective: Check = {
  id: 'filesystem-root-ineffective',
  section: '§10',
  expected: 'The root of the filesystem server is where the gateway reads it: filesystem.paths of config.yaml.',
  severity: 'info',
  sources: [['env']],
  references: [],
  run: (facts) => {
    const root = facts.toolEnv?.variables.has('FILESYSTEM_ROOT') === true;
    if (!root || (facts.data?.filesystemPaths.length ?? 0) > 0) {
      return [pass('env', 'mcp-gateway', 'FILESYSTEM_ROOT is not relied on.')];
    }
    const message = 'docker/mcp-gateway does not read FILESYSTEM_ROOT: its filesystem server takes filesystem.paths.';
    const location = { file: facts.toolEnv?.path ?? '', line: facts.toolEnv?.lines.get('FILESYSTEM_ROOT') ?? null };
    const note = 'Write the folder under filesystem.paths in data/mcp/config.yaml.';
    return [{ status: 'fail', service: 'mcp-gateway', source: 'env', message, location, remedy: { sh: [], note } }];
  },
};
