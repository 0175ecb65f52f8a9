import assert from 'node:assert/strict';
import { test } from 'node:test';
import { guardView } from '../../proxy/config/guard-view.js';
import { formatConfigErrors, loadConfig } from '../../proxy/config/load.js';
import { configFile, errorsOf } from './fixture.js';

const FILE = `
version: 1
listen: { proxy: "\${EGRESS_PROXY_LISTEN}" }
admin: { token: "\${file:/run/secrets/admin}" }
clients:
  - { name: github, token: "\${GITHUB_TOOL_TOKEN}", server: github }
  - { name: slack, token: "\${SLACK_TOOL_TOKEN}" }
policy: { default: public, allow: [{ host: "*.github.com", clients: [github] }] }
guard:
  images: ["docker.io/mcp/*"]
  servers: { chat: { client: slack } }
`;

test("the guard needs none of the proxy's variables and secrets", (context) => {
  const loaded = loadConfig({ path: configFile(context, FILE), env: {}, view: guardView });
  assert.ok(loaded.ok, loaded.ok ? '' : formatConfigErrors(loaded.errors));
  assert.deepEqual(
    loaded.config.guard?.servers.map(({ name, client }) => [name, client]),
    [
      ['chat', 'slack'],
      ['github', null],
    ],
  );
});

const BAD: readonly (readonly [name: string, guard: string, path: string])[] = [
  ['an image that is none', 'images: ["MCP/x"]', 'guard.images[0]'],
  ['a capability that leads out', 'defaults: { capabilities: [NET_RAW] }', 'guard.defaults.capabilities[0]'],
  ['a bind with dots', 'servers: { a: { binds: [{ source: /srv/../etc }] } }', 'guard.servers.a.binds[0].source'],
  ['a client that is none', 'servers: { a: { client: nobody } }', 'guard.servers.a.client'],
  [
    'addresses of another server',
    'servers: { a: { addresses: 10.0.0.0/24 }, b: { addresses: 10.0.0.8/29 } }',
    'guard.servers.b.addresses',
  ],
  [
    'a bind below a folder that another tool may write',
    'servers: { a: { binds: [{ source: /srv/a, readOnly: false }] }, b: { binds: [{ source: /srv/a/b }, { source: /srv/ab }] } }',
    'guard.servers.b.binds[0].source',
  ],
  ['leases that the gateway sees', 'listen: /run/g/docker.sock, leases: /run/g', 'guard.leases'],
  ['a key that is none', 'privileged: true', 'guard.privileged'],
];

for (const [name, guard, path] of BAD) {
  test(`a section guard with ${name} is refused`, (context) => {
    const errors = errorsOf(context, `version: 1\nguard: { ${guard} }\n`);
    assert.deepEqual(
      errors.map((error) => error.path),
      [path],
    );
  });
}

test('a file without a section guard is filled in where the environment says that there is one', (context) => {
  const env = { EGRESS_LEASES: '/run/egress-leases', MCP_TOOLS_NETWORK: 'tools', EGRESS_GUARD_DNS: '172.31.250.250' };
  const loaded = loadConfig({ path: configFile(context, 'version: 1\n'), env, view: guardView });
  const { network, dns, leases, images } = (loaded.ok ? loaded.config.guard : null) ?? { images: [] };
  assert.deepEqual([network, dns, leases], ['tools', '172.31.250.250', '/run/egress-leases']);
  assert.deepEqual(
    images.map(({ text }) => text),
    ['docker.io/mcp/*', '*'],
  );
});
