/** A stack in which nearly everything is wrong, with names that a terminal would obey. */
import { both, hardened, network, type Spec, type Stack, service } from './stack.js';

export const HOSTILE = '\x1b[31mred\u202e\x07<&>"\'';

export function bad(): Stack {
  const stack = hardened();
  for (const name of Object.keys(stack.running.services)) both(stack, name, spoil);
  both(stack, 'ops-controller', (of) => of.ports.push(['0.0.0.0', '9000', 9000], ['::', '9000', 9000]));
  both(stack, 'mcp-gateway', (of) => of.binds.push(['/var/run/docker.sock', '/var/run/docker.sock']));
  both(stack, 'dashboard', (of) => delete of.env.DASHBOARD_AUTH_TOKEN);
  both(stack, 'qdrant', (of) => of.ports.push(['', '6333', 6333]));
  both(stack, 'open-webui', (of) => Object.assign(of.env, { WEBUI_AUTH: 'False' }));
  both(stack, 'openclaw-gateway', (of) => Object.assign(of.env, stack.env));
  service(stack.asked, 'ollama').image = 'ollama/ollama:latest';
  service(stack.running, 'ops-controller').env.OPS_CONTROLLER_TOKEN = 'the-token-of-yesterday-0123456789abcdef';
  network(stack.asked, 'backend').internal = true;
  network(stack.running, 'backend').internal = false;
  network(stack.running, 'mcp-tools').options = {};
  stack.tools[HOSTILE] = { ...service(stack.running, 'mcp-gateway'), networks: ['bridge'], server: HOSTILE };
  stack.daemon.version = '24.0.7';
  stack.envMode = 0o666;
  Object.assign(stack.env, {
    N8N_PASSWORD: 'short-pass1',
    OTHER_TOKEN: stack.env.OPS_CONTROLLER_TOKEN,
    HOSTILE_SECRET: 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',
  });
  stack.toolEnv = { FILESYSTEM_ROOT: '/home/someone', FILESYSTEM_TOKEN: 'a-token-of-the-tools-0123456789abcdef' };
  stack.data = {
    'mcp/servers.txt': 'filesystem\r\n',
    'mcp/registry.json': JSON.stringify({ servers: { filesystem: { allow_clients: [] } } }),
    'mcp/registry-custom.yaml': `registry: { tavily: { env: [{ name: TAVILY_API_KEY, value: "tvly-plain-key-0123456789" }] } }\n`,
    'openclaw/openclaw.json': JSON.stringify({
      gateway: { auth: { token: 'the-openclaw-token-of-yesterday' } },
      channels: { [HOSTILE]: { botToken: '123456:plain-bot-token' } },
      skills: { entries: { search: { apiKey: 'plain-skill-key-0123' } } },
    }),
  };
  stack.hostRules = '';
  stack.policy = `version: 1
policy: { default: public, internal: [{ host: ops-controller, ports: [9000] }] }
audit: { ignore: [{ id: image-unpinned, service: ollama, reason: it is the test that says so }] }
`;
  return stack;
}

function spoil(of: Spec): void {
  of.user = '';
  of.capDrop = [];
  of.securityOpt = ['seccomp=unconfined'];
  of.capAdd = ['NET_ADMIN'];
  of.privileged = of.image.startsWith('alpine');
  of.pid = 'host';
}

/** Every value that a report may not hold, by where it is. */
export function secretsOf(stack: Stack): readonly (readonly [string, string])[] {
  const containers = [...Object.values(stack.running.services), ...Object.values(stack.asked?.services ?? {})];
  const variables = [stack.env, stack.toolEnv ?? {}, ...containers.map(({ env }) => env)].flatMap(Object.entries);
  const named = variables.filter(([name]) => /TOKEN|SECRET|PASSWORD|KEY/.test(name));
  const files = [
    'tvly-plain-key-0123456789',
    'the-openclaw-token-of-yesterday',
    '123456:plain-bot-token',
    'plain-skill-key-0123',
  ];
  return [...named.filter(([, value]) => value !== ''), ...files.map((value): [string, string] => ['a file', value])];
}
