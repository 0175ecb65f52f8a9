/** The stack in its three states, as far as the audit is concerned: small files of the tests' own making. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { audit, failures } from './audit.js';
import { hardened, type Side, type Spec, type Stack, secretOf, spec } from './stack.js';

const HARD = { capDrop: ['ALL'], securityOpt: ['no-new-privileges:true'] };
const SOCKET: [string, string] = ['/var/run/docker.sock', '/var/run/docker.sock'];
const OPS = { OPS_CONTROLLER_TOKEN: secretOf('OPS_CONTROLLER_TOKEN') };

function everywhere(port: number, inside: number = port): [string, string, number] {
  return ['0.0.0.0', String(port), inside];
}

/** March: project ai-toolkit, backend internal, nearly everything published. */
function march(): Stack {
  const env = { ...OPS, OPENCLAW_GATEWAY_TOKEN: secretOf('OPENCLAW_GATEWAY_TOKEN'), BRAVE_API_KEY: secretOf('B') };
  return stackOf('ai-toolkit', env, {
    services: {
      'mcp-gateway': custom('ai-toolkit-mcp-gateway', {
        user: '',
        networks: ['frontend'],
        ports: [everywhere(8811)],
        binds: [SOCKET],
      }),
      'ops-controller': custom('ai-toolkit-ops-controller', { user: '', env: OPS, binds: [SOCKET], ...HARD }),
      dashboard: custom('ai-toolkit-dashboard', {
        env: OPS,
        networks: ['frontend', 'backend'],
        ports: [everywhere(8080)],
        readOnly: true,
        ...HARD,
      }),
      'model-gateway': custom('ai-toolkit-model-gateway', {
        networks: ['frontend', 'backend'],
        ports: [everywhere(11435)],
        readOnly: true,
        ...HARD,
      }),
      'open-webui': spec({
        image: 'ghcr.io/open-webui/open-webui:v0.8.4',
        user: '',
        env: { WEBUI_AUTH: 'True' },
        networks: ['frontend', 'backend'],
        ports: [everywhere(3000, 8080)],
      }),
      n8n: spec({
        image: 'docker.n8n.io/n8nio/n8n:2.10.2',
        networks: ['frontend', 'backend'],
        ports: [everywhere(5678)],
      }),
      comfyui: spec({
        image: 'yanwk/comfyui-boot:cpu',
        user: '',
        networks: ['frontend', 'backend'],
        ports: [everywhere(8188)],
      }),
      ollama: spec({ image: 'ollama/ollama:0.18.1', user: '' }),
      'openclaw-gateway': spec({
        image: 'ghcr.io/phioranex/openclaw-docker:latest',
        env,
        networks: ['frontend', 'backend'],
        ports: [everywhere(18789), everywhere(18790)],
      }),
    },
    networks: { frontend: { internal: false, options: {} }, backend: { internal: true, options: {} } },
  });
}

/** A week later: backend leads out, the gateway is on it and not published, Open WebUI lets everyone in. */
function aWeekLater(): Stack {
  const stack = march();
  for (const side of sides(stack)) {
    change(side, 'mcp-gateway', { networks: ['backend'], ports: [] });
    change(side, 'open-webui', { env: { WEBUI_AUTH: 'False' } });
    change(side, 'n8n', { ports: [['127.0.0.1', '5678', 5678]] });
    change(side, 'comfyui', { ports: [['127.0.0.1', '8188', 8188]] });
    side.services.qdrant = spec({ image: 'qdrant/qdrant:v1.12.5', user: '', ports: [everywhere(6333)] });
    side.networks.backend = { internal: false, options: {} };
  }
  return stack;
}

/** May: project ordo-ai-stack behind Caddy, ops-controller as a user, a dashboard that starts as root. */
function may(): Stack {
  const env = { ...OPS };
  return stackOf('ordo-ai-stack', env, {
    services: {
      'mcp-gateway': custom('ordo-ai-stack-mcp-gateway', {
        user: '',
        ports: [everywhere(8811)],
        binds: [SOCKET],
        env: OPS,
      }),
      'ops-controller': custom('ordo-ai-stack-ops-controller', { user: 'appuser', env: OPS, binds: [SOCKET], ...HARD }),
      dashboard: custom('ordo-ai-stack-dashboard', {
        user: '',
        env: { ...OPS, DASHBOARD_TRUST_PROXY_HEADERS: 'true' },
        networks: ['frontend', 'backend'],
        capDrop: ['ALL'],
        capAdd: ['SETUID', 'SETGID'],
      }),
      'model-gateway': spec({
        image: 'ghcr.io/berriai/litellm:main-stable',
        user: '',
        env: { LITELLM_MASTER_KEY: 'local' },
        networks: ['frontend', 'backend'],
        ports: [everywhere(11435)],
      }),
      'open-webui': spec({
        image: 'ghcr.io/open-webui/open-webui:v0.8.4',
        user: '',
        env: { WEBUI_AUTH: 'False' },
        networks: ['frontend', 'backend'],
      }),
      qdrant: spec({ image: 'qdrant/qdrant:v1.12.5', user: '', ports: [everywhere(6333)] }),
      caddy: spec({ image: 'caddy:2', user: '', networks: ['frontend'], ports: [['100.64.0.7', '443', 443]] }),
    },
    networks: { frontend: { internal: false, options: {} }, backend: { internal: false, options: {} } },
  });
}

function custom(image: string, of: Partial<Spec>): Spec {
  return spec({ image, build: true, ...of });
}

function sides(stack: Stack): readonly Side[] {
  return stack.asked === null ? [stack.running] : [stack.running, stack.asked];
}

function change(side: Side, name: string, to: Partial<Spec>): void {
  side.services[name] = { ...spec({}), ...side.services[name], ...to };
}

function stackOf(project: string, env: Record<string, string>, side: Side): Stack {
  const base = hardened();
  const data = { 'mcp/servers.txt': 'duckduckgo\n' };
  return {
    ...base,
    project,
    env: { DATA_PATH: './data', ...env },
    data,
    tools: {},
    running: structuredClone(side),
    asked: structuredClone(side),
  };
}

const OLD_STATES = [
  'tools-not-behind-proxy mcp-gateway',
  'socket-mounted mcp-gateway',
  'socket-mounted ops-controller',
];

test('in March, what is published, the sockets, root and the bridge are found', async () => {
  const { findings } = await audit(march());
  assert.deepEqual(
    failures(findings).filter((text) => !text.startsWith('image-unpinned')),
    [
      ...OLD_STATES,
      'internal-bridge-has-host-address',
      'dashboard-auth-off dashboard',
      'unauthenticated-published n8n',
      'unauthenticated-published comfyui',
      'unauthenticated-published model-gateway',
      'unauthenticated-published mcp-gateway',
      'unauthenticated-published openclaw-gateway',
      'env-file-handed-over openclaw-gateway',
      'runs-as-root ops-controller',
    ],
  );
});

test('a week later, the backend leads out and is shared with ops-controller', async () => {
  const { findings } = await audit(aWeekLater());
  assert.deepEqual(
    failures(findings).filter((text) => !text.startsWith('image-unpinned')),
    [
      'tools-not-behind-proxy mcp-gateway',
      'gateway-beside-ops-controller mcp-gateway',
      'socket-mounted mcp-gateway',
      'socket-mounted ops-controller',
      'backend-not-internal',
      'dashboard-auth-off dashboard',
      'unauthenticated-published qdrant',
      'unauthenticated-published model-gateway',
      'unauthenticated-published openclaw-gateway',
      'env-file-handed-over openclaw-gateway',
      'open-webui-auth-off open-webui',
      'runs-as-root ops-controller',
    ],
  );
});

test('in May, the default key of the model gateway is found, and the dashboard behind Caddy is not alarmed about', async () => {
  const { findings } = await audit(may());
  assert.deepEqual(
    failures(findings).filter((text) => !text.startsWith('image-unpinned')),
    [
      'tools-not-behind-proxy mcp-gateway',
      'gateway-beside-ops-controller mcp-gateway',
      'socket-mounted mcp-gateway',
      'socket-mounted ops-controller',
      'backend-not-internal',
      'dashboard-auth-off dashboard',
      'unauthenticated-published qdrant',
      'unauthenticated-published model-gateway',
      'unauthenticated-published mcp-gateway',
      'token-weak model-gateway',
      'open-webui-auth-off open-webui',
      'runs-as-root model-gateway',
      'cap-drop-missing model-gateway',
      'no-new-privileges-missing model-gateway',
    ],
  );
  assert.equal(findings.find(({ id }) => id === 'dashboard-auth-off')?.severity, 'info');
});
