/** §5 to §11: what makes each check fail, and that nothing else fails with it. */
import { testFailing } from './cases.js';
import { both, service } from './stack.js';

testFailing([
  [
    'a default as a token',
    (stack) => {
      stack.env.N8N_SECRET = 'change-me';
    },
    [['token-weak', 'high']],
  ],
  [
    'a token of one character',
    (stack) => {
      stack.env.N8N_SECRET = 'a'.repeat(40);
    },
    [['token-weak', 'high']],
  ],
  [
    'a short password',
    (stack) => {
      stack.env.N8N_PASSWORD = 'hunter2hunt';
    },
    [['token-weak', 'high']],
  ],
  [
    'the default key of the model gateway, from the compose file',
    (stack) => {
      delete stack.env.LITELLM_MASTER_KEY;
      both(stack, 'model-gateway', (of) => {
        of.env.LITELLM_MASTER_KEY = 'local';
        of.ports = [];
      });
    },
    [['token-weak model-gateway', 'high']],
  ],
  [
    'one value for two tokens',
    (stack) => {
      stack.env.THROUGHPUT_RECORD_TOKEN = stack.env.OPS_CONTROLLER_TOKEN ?? '';
    },
    [['token-reused', 'high']],
  ],
  [
    'a token that changed in .env only',
    ({ running }) => {
      service(running, 'dashboard').env.OPS_CONTROLLER_TOKEN = '0123456789'.repeat(4);
    },
    [['token-stale-in-container dashboard', 'medium']],
  ],
  [
    'a readable .env',
    (stack) => {
      stack.envMode = 0o644;
    },
    [['env-file-readable', 'medium']],
  ],
  [
    'a service that gets all of .env',
    (stack) => both(stack, 'openclaw-gateway', (of) => Object.assign(of.env, stack.env)),
    [['env-file-handed-over openclaw-gateway', 'high']],
  ],
  [
    'Open WebUI without a login, published',
    (stack) =>
      both(stack, 'open-webui', (of) => {
        of.env.WEBUI_AUTH = 'False';
      }),
    [['open-webui-auth-off open-webui', 'high']],
  ],
  [
    'Open WebUI without a login, on loopback',
    (stack) =>
      both(stack, 'open-webui', (of) => {
        of.env.WEBUI_AUTH = 'False';
        of.ports = [['127.0.0.1', '3000', 8080]];
      }),
    [['open-webui-auth-off open-webui', 'low']],
  ],
  [
    'a service of the stack as root',
    (stack) =>
      both(stack, 'model-gateway', (of) => {
        of.user = '0:0';
      }),
    [['runs-as-root model-gateway', 'medium']],
  ],
  [
    'n8n as the user of its image, which is root',
    (stack) =>
      both(stack, 'n8n', (of) => {
        of.user = '';
      }),
    [['runs-as-root n8n', 'medium']],
  ],
  [
    'capabilities that are kept',
    (stack) =>
      both(stack, 'model-gateway', (of) => {
        of.capDrop = [];
      }),
    [['cap-drop-missing model-gateway', 'medium']],
  ],
  [
    'an added capability',
    (stack) => both(stack, 'n8n', (of) => void of.capAdd.push('CHOWN')),
    [['cap-add n8n', 'medium']],
  ],
  [
    'an added capability over the network',
    (stack) => both(stack, 'ops-controller', (of) => void of.capAdd.push('NET_ADMIN')),
    [['cap-add ops-controller', 'high']],
  ],
  [
    'a root file system that is writable in spite of the file',
    ({ running }) => {
      service(running, 'dashboard').readOnly = false;
    },
    [['rootfs-writable dashboard', 'low']],
  ],
  [
    'privileges that can be gained',
    (stack) =>
      both(stack, 'ops-controller', (of) => {
        of.securityOpt = [];
      }),
    [['no-new-privileges-missing ops-controller', 'medium']],
  ],
  [
    'a privileged service',
    (stack) =>
      both(stack, 'ollama', (of) => {
        of.privileged = true;
      }),
    [['privileged ollama', 'critical']],
  ],
  [
    'processes of the host',
    (stack) =>
      both(stack, 'ollama', (of) => {
        of.pid = 'host';
      }),
    [['host-namespace ollama', 'high']],
  ],
  [
    'no seccomp',
    (stack) => both(stack, 'comfyui', (of) => void of.securityOpt.push('seccomp=unconfined')),
    [['unconfined comfyui', 'high']],
  ],
  [
    'the latest image',
    ({ asked }) => {
      service(asked, 'ollama').image = 'ollama/ollama:latest';
    },
    [['image-unpinned ollama', 'medium']],
  ],
  [
    'a tag',
    ({ asked }) => {
      service(asked, 'qdrant').image = 'qdrant/qdrant:v1.12';
    },
    [['image-unpinned qdrant', 'low']],
  ],
  [
    'an image that has moved on',
    (stack) => {
      stack.images['ai-toolkit-dashboard'] = { id: `sha256:${'e'.repeat(64)}`, digests: [] };
    },
    [['image-drift dashboard', 'info']],
  ],
  [
    'an engine whose DNS leaks',
    ({ daemon }) => {
      daemon.version = '24.0.7';
    },
    [['engine-known-bad', 'high']],
  ],
  [
    'an engine whose authorization can be passed by',
    ({ daemon }) => {
      daemon.version = '29.3.0';
      daemon.authorization = ['opa'];
    },
    [['engine-known-bad', 'high']],
  ],
  [
    'the filesystem server',
    (stack) => {
      stack.data['mcp/servers.txt'] = 'duckduckgo,filesystem\r\n';
    },
    [['filesystem-server-on mcp-gateway', 'high']],
  ],
  [
    'no servers and a registry',
    (stack) => {
      stack.data['mcp/servers.txt'] = '\r\n';
    },
    [['filesystem-seeded mcp-gateway', 'high']],
  ],
  [
    'a home as the root of the filesystem server',
    (stack) => {
      stack.data['mcp/config.yaml'] = 'filesystem:\n  paths:\n    - /home/me\n';
    },
    [['filesystem-root-broad mcp-gateway', 'high']],
  ],
  [
    'a home that the guard lets the filesystem server bind',
    (stack) => {
      const server = '{ image: mcp/filesystem, binds: [{ source: /home/me }] }';
      stack.policy += `guard: { network: ai-toolkit-mcp-tools, images: [mcp/filesystem], servers: { filesystem: ${server} } }\n`;
    },
    [['filesystem-root-broad mcp-gateway', 'high']],
  ],
  [
    'a root that nothing reads',
    (stack) => {
      stack.toolEnv = { FILESYSTEM_ROOT: '/home/me/projects/one' };
    },
    [['filesystem-root-ineffective mcp-gateway', 'info']],
  ],
  [
    'a bot token in openclaw.json',
    (stack) => {
      stack.data['openclaw/openclaw.json'] = JSON.stringify({
        channels: { telegram: { botToken: '12345:abcdef' } },
      });
    },
    [['plain-secret-in-openclaw openclaw-gateway', 'medium']],
  ],
  [
    'a key of a skill in openclaw.json, between comments and trailing commas',
    (stack) => {
      stack.data['openclaw/openclaw.json'] =
        '{ // a comment\n "skills": { "entries": { "search": { "apiKey": "https://no/*comment*/", }, }, }, }';
    },
    [['plain-secret-in-openclaw openclaw-gateway', 'medium']],
  ],
  [
    'a key in a custom registry',
    (stack) => {
      stack.data['mcp/registry-custom.docker.yaml'] =
        'registry: { tavily: { env: [{ name: TAVILY_API_KEY, value: tvly-0123456789 }] } }\n';
    },
    [['plain-secret-in-mcp-config mcp-gateway', 'medium']],
  ],
  [
    'another token in openclaw.json',
    (stack) => {
      stack.data['openclaw/openclaw.json'] = JSON.stringify({ gateway: { auth: { token: 'of-yesterday' } } });
    },
    [['openclaw-token-mismatch openclaw-gateway', 'medium']],
  ],
  [
    'no token for OpenClaw',
    (stack) => {
      delete stack.env.OPENCLAW_GATEWAY_TOKEN;
      both(stack, 'openclaw-gateway', (of) => {
        of.env = {};
      });
      stack.data['openclaw/openclaw.json'] = '{}';
    },
    [['openclaw-token-missing openclaw-gateway', 'high']],
  ],
]);
