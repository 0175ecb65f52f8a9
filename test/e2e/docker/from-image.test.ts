/** What one needs who has the image and no clone: one pasted command, or the archive of a release. */

import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { before, type TestContext, test } from 'node:test';
import { freePort } from '../../net/free-port.js';
import { docker, repository, tryDocker } from './docker.js';
import { buildImages } from './images.js';

/** A bound, not a timing: what an image needs that has to fetch or build something is longer. */
const MOST_MS = 240_000;

before(buildImages);

async function folder(context: TestContext): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), 'egress-image-'));
  context.after(() => rm(made, { recursive: true, force: true }));
  return made;
}

test('one pasted command leads from the image to a refusal that one sees', async (context) => {
  const page = await readFile(join(repository, 'docker/README.md'), 'utf8');
  const [, command = ''] = /## The image by itself\n[\s\S]*?```sh\n([\s\S]*?)```/.exec(page) ?? [];
  const name = `egress-pasted-${process.pid}`;
  const port = String(await freePort());
  const own = command
    .replace('--name egress-proxy', `--name ${name}`)
    .replaceAll('127.0.0.1:3128', `127.0.0.1:${port}`);
  assert.ok(own !== command && own.includes(`-p 127.0.0.1:${port}:3128`), own);
  context.after(() => tryDocker(['rm', '-f', name]));
  const pasted = tryDocker(['-c', own], { program: 'sh', cwd: await folder(context) });
  const late = new Promise<null>((resolve) => setTimeout(resolve, MOST_MS, null).unref());
  const seen = await Promise.race([pasted, late]);
  assert.ok(seen !== null, `nothing within ${MOST_MS} ms`);
  assert.match(seen.stdout, /^HTTP\/1\.1 403 Egress denied: metadata-address 169\.254\.169\.254\r$/m, seen.stderr);
});

test('the archive of a release, unpacked into a stack, puts the sidecar in, and is the same bytes each time', async (context) => {
  const at = await folder(context);
  const clone = join(at, 'clone');
  await tryDocker(['clone', '--quiet', repository, clone], { program: 'git' });
  await symlink(join(repository, 'node_modules'), join(clone, 'node_modules'));
  const { version } = JSON.parse(await readFile(join(clone, 'package.json'), 'utf8'));
  const bytes: Buffer[][] = [];
  for (const out of ['one', 'two']) {
    const { code, stderr } = await tryDocker([version, join(at, out)], {
      program: join(clone, 'build/release-files.sh'),
    });
    assert.equal(code, 0, stderr);
    const names = (await readdir(join(at, out))).sort();
    const made = [
      'egress-proxy-install-VERSION.tar.gz',
      'mcp-egress-proxy-VERSION.tgz',
      'mcp-egress-proxy-chart-VERSION.tgz',
    ];
    assert.deepEqual(
      names,
      made.map((name) => name.replace('VERSION', version)),
    );
    bytes.push(await Promise.all(names.map((file) => readFile(join(at, out, file)))));
  }
  assert.deepEqual(bytes[0], bytes[1]);

  const stack = join(at, 'stack');
  await tryDocker(['-p', stack], { program: 'mkdir' });
  const gateway = '{ image: docker/mcp-gateway, ports: ["8811:8811"], networks: [frontend, backend] }';
  await writeFile(
    join(stack, 'docker-compose.yml'),
    `services: { mcp-gateway: ${gateway} }\nnetworks: { frontend: {}, backend: {} }\n`,
  );
  const install = `tar xzf ../one/egress-proxy-install-*.tar.gz && cat egress-proxy/lines.env >> .env`;
  assert.equal((await tryDocker(['-c', install], { program: 'sh', cwd: stack })).code, 0);
  const env = { COMPOSE_FILE: undefined, EGRESS_PROXY_IMAGE: undefined };
  const merged = JSON.parse(await docker(['compose', 'config', '--format', 'json'], { cwd: stack, env }));
  assert.deepEqual(Object.keys(merged.services['mcp-gateway'].networks), ['mcp-tools']);
  assert.equal(merged.services['egress-proxy'].build, undefined);
  for (const { services, source } of Object.entries<{ volumes?: { source: string }[] }>(merged.services).flatMap(
    ([services, { volumes = [] }]) => volumes.map(({ source }) => ({ services, source })),
  )) {
    if (source.startsWith(stack)) assert.ok((await readdir(join(source, '..'))).length > 0, `${services}: ${source}`);
  }
});
