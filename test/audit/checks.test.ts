/** §1 to §4: what makes each check fail, and that nothing else fails with it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CHECKS } from '../../proxy/audit/checks.js';
import { audit, failures } from './audit.js';
import { testFailing } from './cases.js';
import { both, hardened, network, type Spec, type Stack, service } from './stack.js';

test('a hardened stack passes every check; scans and ages are skipped', async () => {
  const { findings } = await audit(hardened());
  assert.deepEqual(failures(findings), []);
  const passing = new Set(findings.filter(({ status }) => status === 'pass').map(({ id }) => id));
  const others = CHECKS.map(({ id }) => id).filter((id) => !passing.has(id));
  assert.deepEqual(others, ['token-old', 'scan-due']);
});

test('the engine is asked by GET only', async () => {
  const { requests } = await audit(hardened());
  assert.ok(requests.length > 20);
  assert.deepEqual(
    requests.filter((request) => !request.startsWith('GET /')),
    [],
  );
});

function tool(stack: Stack): Spec {
  const found = stack.tools.quirky_bose;
  assert.ok(found);
  return found;
}

const socket: [string, string] = ['/var/run/docker.sock', '/var/run/docker.sock'];

testFailing([
  [
    'a gateway on a network that leads out',
    (stack) => both(stack, 'mcp-gateway', (of) => of.networks.push('frontend')),
    [['tools-not-behind-proxy mcp-gateway', 'high']],
  ],
  [
    'a tool on the default bridge',
    (stack) => {
      tool(stack).networks = ['bridge'];
    },
    [['tools-not-behind-proxy quirky_bose', 'high']],
  ],
  [
    'a tool that does not know the proxy',
    (stack) => {
      tool(stack).env = {};
    },
    [['tools-not-behind-proxy quirky_bose', 'low']],
  ],
  [
    'a gateway beside ops-controller',
    (stack) => both(stack, 'mcp-gateway', (of) => of.networks.push('backend')),
    [['gateway-beside-ops-controller mcp-gateway', 'high']],
  ],
  [
    'a gateway with the socket',
    (stack) => both(stack, 'mcp-gateway', (of) => of.binds.push(socket)),
    [['socket-mounted mcp-gateway', 'critical']],
  ],
  [
    'ops-controller with the socket, by design',
    (stack) => both(stack, 'ops-controller', (of) => of.binds.push(['/run/docker.sock', '/run/docker.sock'])),
    [['socket-mounted ops-controller', 'medium']],
  ],
  [
    'a service with the socket of Docker Desktop',
    (stack) => both(stack, 'n8n', (of) => of.binds.push(['//./pipe/docker_engine', '//./pipe/docker_engine'])),
    [['socket-mounted n8n', 'critical']],
  ],
  [
    'a tool with the folder of the socket',
    (stack) => void tool(stack).binds.push(['/var/run', '/host']),
    [['socket-mounted quirky_bose', 'critical']],
  ],
  [
    'a rule that opens ops-controller to every tool',
    (stack) => {
      stack.policy = 'version: 1\npolicy: { default: none, internal: [{ host: ops-controller, ports: [9000] }] }\n';
    },
    [['policy-open egress-proxy', 'medium']],
  ],
  [
    'a policy that allows every public host',
    (stack) => {
      stack.policy = 'version: 1\npolicy: { default: public }\n';
    },
    [['policy-open egress-proxy', 'info']],
  ],
  [
    'host rules of others only',
    (stack) => {
      stack.hostRules = ':DOCKER-USER - [0:0]\n';
    },
    [['host-rules-missing', 'low']],
  ],
  [
    'a backend that leads out',
    ({ asked, running }) => {
      network(asked, 'backend').internal = false;
      network(running, 'backend').internal = false;
    },
    [['backend-not-internal', 'medium']],
  ],
  [
    'a running network that is older than the file',
    ({ running }) => {
      network(running, 'backend').internal = false;
    },
    [['network-drift', 'high']],
  ],
  [
    'a running container that is on another network than the file says',
    ({ running }) => void service(running, 'qdrant').networks.push('frontend'),
    [['network-drift', 'high']],
  ],
  [
    'an internal bridge with an address of the host',
    ({ asked, running }) => {
      network(asked, 'mcp-tools').options = {};
      network(running, 'mcp-tools').options = {};
    },
    [['internal-bridge-has-host-address', 'medium']],
  ],
  [
    'ops-controller on every interface',
    (stack) => both(stack, 'ops-controller', (of) => of.ports.push(['0.0.0.0', '9000', 9000])),
    [['ops-controller-published ops-controller', 'critical']],
  ],
  [
    'ops-controller on loopback',
    (stack) => both(stack, 'ops-controller', (of) => of.ports.push(['127.0.0.1', '9000', 9000])),
    [['ops-controller-published ops-controller', 'medium']],
  ],
  [
    'ops-controller in the network of the host',
    (stack) =>
      both(stack, 'ops-controller', (of) => {
        of.networks = ['host'];
        of.networkMode = 'host';
      }),
    [['ops-controller-published ops-controller', 'critical']],
  ],
  [
    'no token for ops-controller',
    (stack) => {
      delete stack.env.OPS_CONTROLLER_TOKEN;
      for (const name of ['ops-controller', 'dashboard'])
        both(stack, name, (of) => {
          of.env.OPS_CONTROLLER_TOKEN = '';
        });
    },
    [['ops-token-missing ops-controller', 'high']],
  ],
  [
    'a dashboard without a password, published',
    (stack) => {
      delete stack.env.DASHBOARD_AUTH_TOKEN;
      both(stack, 'dashboard', (of) => {
        of.env.DASHBOARD_AUTH_TOKEN = '  ';
      });
    },
    [['dashboard-auth-off dashboard', 'high']],
  ],
  [
    'a dashboard without a password, not published',
    (stack) => {
      delete stack.env.DASHBOARD_AUTH_TOKEN;
      both(stack, 'dashboard', (of) => {
        of.env.DASHBOARD_AUTH_TOKEN = '';
        of.ports = [];
      });
    },
    [['dashboard-auth-off dashboard', 'low']],
  ],
  [
    'a dashboard behind a login of others',
    (stack) => {
      delete stack.env.DASHBOARD_AUTH_TOKEN;
      both(stack, 'dashboard', (of) => {
        of.env = { DASHBOARD_TRUST_PROXY_HEADERS: 'true' };
        of.ports = [];
      });
    },
    [['dashboard-auth-off dashboard', 'info']],
  ],
  [
    'a vector store on every interface, twice for the two families',
    (stack) => both(stack, 'qdrant', (of) => void of.ports.push(['0.0.0.0', '6333', 6333], ['::', '6333', 6333])),
    [['unauthenticated-published qdrant', 'high']],
  ],
  [
    'the relay of the gateway on every interface',
    (stack) =>
      both(stack, 'egress-proxy', (of) => {
        of.ports = [['0.0.0.0', '8811', 8811]];
      }),
    [['unauthenticated-published egress-proxy', 'medium']],
  ],
]);
