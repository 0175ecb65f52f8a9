/** Every example as it is in the repository, with stand-ins for its images and for the internet. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { docker, repository, tryDocker, until } from './docker.js';
import { buildImages } from './images.js';

const STAND_IN = 'mcp-egress-demo';
const SERVER = `${repository}test/e2e/docker/examples/server.mjs`;
const SITE = '45.45.47.45';
/** Beside other projects that may run on this engine. */
const RANGE = {
  MCP_TOOLS_SUBNET: '10.231.247.0/24',
  MCP_TOOLS_IP_RANGE: '10.231.247.64/26',
  EGRESS_PROXY_ADDRESS: '10.231.247.250',
};

interface Example {
  readonly file: string;
  /** The service that stands behind the proxy, and one that calls it. */
  readonly server: string;
  readonly client: string;
  readonly others?: readonly string[];
}

const EXAMPLES: readonly Example[] = [
  { file: 'docker/examples/open-webui/compose.yml', server: 'mcpo', client: 'open-webui' },
  { file: 'docker/examples/n8n/compose.yml', server: 'mcp-server', client: 'n8n' },
  { file: 'docker/examples/librechat/compose.yml', server: 'mcp-server', client: 'librechat', others: ['mongodb'] },
  { file: 'docker/compose.tools.yml', server: 'mcp-server', client: 'client' },
];

let folder: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'egress-examples-'));
  await buildImages();
});
after(() => rm(folder, { recursive: true }));

/** What replaces the images, as one more compose file. */
async function standIns({ server, client, others = [] }: Example): Promise<string> {
  const idle = { image: STAND_IN, init: true, entrypoint: [], command: ['tail', '-f', '/dev/null'] };
  const services = {
    [server]: {
      image: STAND_IN,
      entrypoint: [],
      command: ['node', '/stand-in.mjs'],
      volumes: [`${SERVER}:/stand-in.mjs:ro`],
    },
    ...Object.fromEntries([client, ...others].map((name) => [name, idle])),
    site: {
      image: STAND_IN,
      command: ['node', 'site.mjs'],
      networks: { internet: { ipv4_address: SITE, aliases: ['site.demo.test'] } },
    },
    'egress-proxy': { networks: { internet: {} } },
  };
  const internet = { internal: true, ipam: { config: [{ subnet: '45.45.47.0/24' }] } };
  const path = join(folder, `${server}-${client}.json`);
  await writeFile(path, JSON.stringify({ services, networks: { internet } }));
  return path;
}

async function leftOvers(project: string): Promise<string> {
  const label = ['--all', '--quiet', '--filter', `label=com.docker.compose.project=${project}`];
  const networks = ['network', 'ls', '--quiet', '--filter', `label=com.docker.compose.project=${project}`];
  return (await docker(['ps', ...label])) + (await docker(networks));
}

for (const example of EXAMPLES) {
  test(`${example.file} comes up, lets one request through, refuses one, and leaves nothing`, async () => {
    const project = 'egress-example';
    const files = ['-p', project, '-f', example.file, '-f', await standIns(example)];
    const compose = (...args: string[]) => docker(['compose', ...files, ...args], { env: RANGE });
    try {
      await compose('up', '--detach', '--no-build', '--pull', 'never', '--quiet-pull');
      const ask = async (url: string): Promise<{ status?: number; body?: string; error?: string }> => {
        const call = `http://${example.server}:8000/?url=${encodeURIComponent(url)}`;
        return JSON.parse(await compose('exec', '-T', example.client, 'curl', '-sS', '--max-time', '15', call));
      };
      await until('the server answers by its old name', () =>
        ask('http://site.demo.test/').then(
          () => true,
          () => false,
        ),
      );
      const allowed = await ask('http://site.demo.test/');
      assert.deepEqual(allowed, { status: 200, body: 'public site, over http, asked for site.demo.test\n' });
      const refused = await ask(`http://${example.client}/`);
      assert.equal(refused.status, 403);
      assert.equal(JSON.parse(refused.body ?? '').reason, 'address-prohibited');
      assert.ok((await ask(`http://${SITE}/`)).error !== undefined, 'past the proxy there is no way');
      const log = await compose('logs', '--no-log-prefix', 'egress-proxy');
      assert.match(log, /"outcome":"deny".*"door":"steer-http"/);
    } finally {
      await compose('down', '--volumes', '--timeout', '3');
    }
    assert.equal(await leftOvers(project), '');
  });
}

test('docker run alone: a tool reaches a public site and nothing else, and nothing is left', async () => {
  const run = `${repository}docker/examples/docker-run/run.sh`;
  const env = {
    ...process.env,
    ...RANGE,
    EGRESS_PROXY_NAME: 'egress-example-run',
    MCP_TOOLS_NETWORK: 'egress-example-run',
  };
  const internet = 'egress-example-internet';
  const shell = (args: readonly string[]) => tryDocker(args, { program: run, env });
  const site = ['run', '--detach', '--rm', '--name', 'egress-example-site', '--network-alias', 'site.demo.test'];
  await docker(['network', 'create', '--subnet', '45.45.47.0/24', internet]);
  try {
    await docker([...site, '--network', internet, '--ip', SITE, STAND_IN, 'node', 'site.mjs']);
    const up = await tryDocker(['up'], { program: run, env: { ...env, EGRESS_NETWORK: internet } });
    assert.equal(up.code, 0, up.stderr);
    const curl = ['tool', STAND_IN, 'curl', '-sS', '--max-time', '10', '-w', '%{http_code}'];
    await until('a tool gets through', async () => (await shell([...curl, 'http://site.demo.test/'])).code === 0);
    assert.match((await shell([...curl, 'http://site.demo.test/'])).stdout, /^public site.*200$/s);
    const refused = await shell([...curl, 'http://egress-example-site/']);
    assert.match(refused.stdout, /^public site.*200$/s, 'the site by its other name');
    assert.notEqual((await shell([...curl, `http://${SITE}/`])).code, 0);
    assert.match((await shell([...curl, 'http://metadata.google.internal/'])).stderr, /resolve/);
    const down = await shell(['down']);
    assert.equal(down.code, 0, down.stderr);
  } finally {
    await tryDocker(['rm', '--force', 'egress-example-site', 'egress-example-run']);
    await tryDocker(['network', 'rm', internet, 'egress-example-run']);
  }
  assert.equal(await docker(['ps', '--all', '--quiet', '--filter', 'name=egress-example']), '');
});
