import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { compose, decisions, SITE_ADDRESS, startDemo, stopDemo } from './demo-stack.js';
import { docker, type Outcome, tryDocker, until } from './docker.js';

/** The services file, with stand-ins for the images that it names. */
const SERVICES = ['-f', 'docker/compose.services.yml'];
const IMAGES = { MCP_FETCH_IMAGE: 'mcp-egress-demo', MCP_TIME_IMAGE: 'mcp-egress-demo' };
const NODE_FETCH = 'fetch(process.argv[1]).then((r) => r.text()).then((t) => process.stdout.write(t))';
const PYTHON_GET = 'import sys, urllib.request as u; print(u.urlopen(sys.argv[1]).read().decode(), end="")';

const CLIENTS: readonly (readonly [string, readonly string[]])[] = [
  ["Node's fetch", ['node', '-e', NODE_FETCH]],
  ['curl', ['curl', '-sS']],
  ['wget', ['wget', '-qO-', '--ca-certificate=ca.pem']],
  ["Python's urllib", ['python3', '-c', PYTHON_GET]],
];

before(async () => {
  await startDemo();
  await compose([...SERVICES, 'up', '--detach', '--wait', 'mcp-time', 'mcp-fetch'], IMAGES);
});
after(async () => {
  await compose([...SERVICES, 'down', '--timeout', '3'], IMAGES);
  await stopDemo();
});

/** In the service that has no proxy variable at all; each client checks the certificate of the site itself. */
function inUnaware(command: readonly string[]): Promise<Outcome> {
  const trust = ['NODE_EXTRA_CA_CERTS', 'CURL_CA_BUNDLE', 'SSL_CERT_FILE'].flatMap((name) => ['-e', `${name}=ca.pem`]);
  return tryDocker(['exec', ...trust, 'egress-demo-mcp-time-1', ...command]);
}

for (const [client, command] of CLIENTS) {
  test(`${client} without a proxy variable reaches the public site, by http and https`, async () => {
    const variables = await docker(['exec', 'egress-demo-mcp-time-1', 'env']);
    assert.doesNotMatch(variables, /_proxy=/i);
    for (const scheme of ['http', 'https']) {
      const { code, stdout, stderr } = await inUnaware([...command, `${scheme}://site.demo.test/`]);
      assert.equal(stdout, `public site, over ${scheme}, asked for site.demo.test\n`, stderr);
      assert.equal(code, 0);
    }
  });
}

test('what it asks for is in the log, with the door that it came by', async () => {
  const tool = 'egress-demo-mcp-time-1.egress-demo-mcp-tools';
  const doors = async (): Promise<Set<unknown>> =>
    new Set(
      (await decisions())
        .filter(({ client, dialed }) => JSON.stringify(client).includes(tool) && dialed === SITE_ADDRESS)
        .map(({ door }) => door),
    );
  await until('a record of each door', async () => (await doors()).size === 2);
  assert.deepEqual(await doors(), new Set(['steer-http', 'steer-tls']));
});

test('private names are refused at the same doors, and reach nothing', async () => {
  const http = await inUnaware(['curl', '-sS', 'http://ops-controller/']);
  assert.equal(JSON.parse(http.stdout).reason, 'address-prohibited');
  assert.notEqual((await inUnaware(['curl', '-sSk', 'https://ops-controller/'])).code, 0);
  const refusedAt = async (): Promise<string[]> =>
    (await decisions())
      .filter(({ host, client }) => host === 'ops-controller' && JSON.stringify(client).includes('mcp-time'))
      .map(({ door, outcome, dialed }) => `${door} ${outcome} ${dialed}`);
  await until('both records', async () => new Set(await refusedAt()).size === 2);
  assert.deepEqual(new Set(await refusedAt()), new Set(['steer-http deny null', 'steer-tls deny null']));
});

test('probe from its seat finds nothing open, and no name that gets out', async () => {
  const seat = ['run', '--rm', '--network', 'egress-demo-mcp-tools', '--dns', '10.231.250.250', '--cap-drop', 'ALL'];
  const { code, stdout } = await tryDocker([
    ...seat,
    'mcp-egress-proxy',
    'probe',
    '--json',
    '--public',
    `${SITE_ADDRESS}:80`,
  ]);
  const { open, wrong, findings } = JSON.parse(stdout);
  assert.deepEqual([open, wrong, code], [0, 0, 0], stdout);
  const names = findings.filter(({ area }: { area: string }) => area === 'names');
  assert.ok(names.length >= 2 && names.every(({ state }: { state: string }) => state === 'closed'));
});

test('the service that honours proxy variables has them all, and SOCKS for the rest', async () => {
  const curl = ['exec', 'egress-demo-mcp-fetch-1', 'curl', '-sS', '--cacert', 'ca.pem'];
  assert.match(await docker([...curl, 'https://site.demo.test/']), /^public site, over https/);
  const socks = ['-x', 'socks5h://egress-proxy:1080'];
  assert.match(await docker([...curl, ...socks, 'https://site.demo.test/']), /^public site, over https/);
  await until('its record', async () => (await decisions()).some(({ door }) => door === 'socks'));
});
