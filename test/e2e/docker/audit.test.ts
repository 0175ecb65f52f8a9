/** Ten faults in a running stack are ten findings, and what the audit prints mends them. */
import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { type AuditStack, type Finding, PROJECT, startFaultyStack } from './audit-stack.js';
import { docker, tryDocker } from './docker.js';
import { buildImages } from './images.js';

let stack: AuditStack;

before(async () => {
  await buildImages();
  stack = await startFaultyStack();
});

after(async () => {
  await stack?.remove();
});

function failing(findings: readonly Finding[]): readonly Finding[] {
  return findings.filter(({ status }) => status === 'fail');
}

test('ten planted faults give exactly ten findings; mended by the printed lines and commands, none', async () => {
  const found = failing(await stack.audit());
  assert.deepEqual(found.map(({ id, service }) => (service === null ? id : `${id} ${service}`)).sort(), [
    'backend-not-internal',
    'cap-drop-missing model-gateway',
    'dashboard-auth-off dashboard',
    'env-file-readable',
    'network-drift',
    'open-webui-auth-off open-webui',
    'ops-controller-published ops-controller',
    'runs-as-root model-gateway',
    'token-stale-in-container',
    'token-weak',
  ]);
  for (const { fix } of found) if (fix?.override) stack.override(fix.override);
  for (const command of new Set(found.flatMap(({ fix }) => fix?.sh ?? []))) {
    const { code, stderr } = await stack.sh(command);
    assert.equal(code, 0, `${command}: ${stderr}`);
  }
  assert.deepEqual(
    failing(await stack.audit()).map(({ message }) => message),
    [],
  );
});

test('from its image, with the socket of the engine and no network, the audit says the same', async () => {
  const socket = process.env.DOCKER_HOST?.replace(/^unix:\/\//, '') ?? '/var/run/docker.sock';
  const run = ['run', '--rm', '--network', 'none', '--group-add', String(statSync(socket).gid)];
  const mount = ['-v', `${socket}:/var/run/docker.sock:ro`];
  const { code, stdout, stderr } = await tryDocker([
    ...run,
    ...mount,
    'mcp-egress-proxy',
    'audit',
    '--project',
    PROJECT,
  ]);
  assert.equal(stderr, '');
  assert.match(stdout, /\n\d+ passed, 0 failed, \d+ skipped\n$/);
  assert.equal(code, 0);
});

test('without the socket, what docker inspect prints is enough', async () => {
  const ids = (await docker(['ps', '-aq', '--filter', `label=com.docker.compose.project=${PROJECT}`])).split('\n');
  const networks = (await docker(['network', 'ls', '-q'])).split('\n');
  const input = await docker(['inspect', ...ids, ...networks].filter((id) => id !== ''));
  const args = ['run', '--rm', '-i', '--network', 'none', 'mcp-egress-proxy', 'audit', '--inspect', '-'];
  const { code, stdout } = await tryDocker(args, { input });
  assert.match(stdout, /PASS ops-controller-published {2}ops-controller\n/);
  assert.equal(code, 0);
});
