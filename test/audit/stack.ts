/**
 * A stack of the tests' own making, as it runs and as its compose file asks for it. Nothing is wrong with `hardened()`;
 * tests change one thing and look at what the audit says.
 */
import { createHash } from 'node:crypto';

export interface Spec {
  image: string;
  build: boolean;
  user: string;
  env: Record<string, string>;
  networks: string[];
  networkMode: string | null;
  /** `[address, port of the host, port of the container]`. */
  ports: [string, string, number][];
  binds: [string, string][];
  capAdd: string[];
  capDrop: string[];
  readOnly: boolean;
  securityOpt: string[];
  privileged: boolean;
  pid: string;
  dns: string[];
  running: boolean;
  restart: string;
}

export interface NetworkSpec {
  internal: boolean;
  options: Record<string, string>;
}

export interface Side {
  services: Record<string, Spec>;
  networks: Record<string, NetworkSpec>;
}

export interface Stack {
  project: string;
  /** What the compose file asks for; null: it is not given. */
  asked: Side | null;
  running: Side;
  /** Containers that the gateway started, by name. */
  tools: Record<string, Spec & { server: string }>;
  env: Record<string, string>;
  envMode: number;
  toolEnv: Record<string, string> | null;
  /** Files below the data folder. */
  data: Record<string, string>;
  daemon: { version: string; operatingSystem: string; securityOptions: string[]; authorization: string[] };
  /** Where a name stands for another image than the container has. */
  images: Record<string, { id: string; digests: string[] }>;
  policy: string;
  hostRules: string;
}

export function spec(of: Partial<Spec>): Spec {
  return {
    image: '',
    build: false,
    user: '1000:1000',
    env: {},
    networks: ['backend'],
    networkMode: null,
    ports: [],
    binds: [],
    capAdd: [],
    capDrop: [],
    readOnly: false,
    securityOpt: [],
    privileged: false,
    pid: '',
    dns: [],
    running: true,
    restart: 'unless-stopped',
    ...of,
  };
}

const HARDENED: Partial<Spec> = { capDrop: ['ALL'], securityOpt: ['no-new-privileges:true'], readOnly: true };
export const DIGEST = `sha256:${'d1'.repeat(32)}`;
const NO_HOST_ADDRESS = { 'com.docker.network.bridge.inhibit_ipv4': 'true' };

/** Fixed, so that a failure can be reproduced; no two are the same. */
export function secretOf(name: string): string {
  return createHash('sha256').update(`${name} of the fixture`).digest('hex').slice(0, 48);
}

/** A copy that tests may change. */
export function hardened(): Stack {
  const side = hardenedSide();
  const tokens = ['OPS_CONTROLLER_TOKEN', 'DASHBOARD_AUTH_TOKEN', 'OPENCLAW_GATEWAY_TOKEN', 'LITELLM_MASTER_KEY'];
  return structuredClone({
    project: 'ai-toolkit',
    asked: structuredClone(side),
    running: structuredClone(side),
    tools: {
      quirky_bose: {
        ...spec({ image: 'mcp/duckduckgo', networks: ['mcp-tools'], env: { HTTP_PROXY: 'http://egress-proxy:3128' } }),
        server: 'duckduckgo',
      },
    },
    env: {
      DATA_PATH: './data',
      GITHUB_PERSONAL_ACCESS_TOKEN: secretOf('GITHUB_PERSONAL_ACCESS_TOKEN'),
      ...Object.fromEntries(tokens.map((name) => [name, secretOf(name)])),
    },
    envMode: 0o600,
    toolEnv: null,
    data: {
      'mcp/servers.txt': 'duckduckgo\n',
      'mcp/registry.json': JSON.stringify({ servers: { duckduckgo: { allow_clients: ['*'] } } }),
      'openclaw/openclaw.json': JSON.stringify({
        gateway: { auth: { token: secretOf('OPENCLAW_GATEWAY_TOKEN') } },
        models: { providers: { gateway: { apiKey: 'ollama-local' } } },
      }),
    },
    daemon: {
      version: '28.5.2',
      operatingSystem: 'Debian GNU/Linux 12',
      securityOptions: ['name=seccomp,profile=builtin'],
      authorization: [],
    },
    images: {},
    policy: 'version: 1\npolicy: { default: none }\n',
    hostRules: ':MCP-EGRESS-FORWARD - [0:0]\n-A FORWARD -j MCP-EGRESS-FORWARD\n',
  });
}

function hardenedSide(): Side {
  return {
    services: { ...builtServices(), ...pulledServices() },
    networks: {
      frontend: { internal: false, options: {} },
      backend: { internal: true, options: { ...NO_HOST_ADDRESS } },
      egress: { internal: false, options: {} },
      'mcp-tools': { internal: true, options: { ...NO_HOST_ADDRESS } },
    },
  };
}

/** Those of the stack's own images. */
function builtServices(): Side['services'] {
  return {
    'mcp-gateway': spec({ image: 'ai-toolkit-mcp-gateway', build: true, user: '', networks: ['mcp-tools'] }),
    'egress-proxy': spec({
      image: 'mcp-egress-proxy',
      build: true,
      user: '65532:65532',
      networks: ['mcp-tools', 'egress', 'frontend', 'backend'],
      ports: [['127.0.0.1', '8811', 8811]],
      ...HARDENED,
    }),
    'ops-controller': spec({
      image: 'ai-toolkit-ops-controller',
      build: true,
      env: { OPS_CONTROLLER_TOKEN: secretOf('OPS_CONTROLLER_TOKEN') },
      ...HARDENED,
    }),
    dashboard: spec({
      image: 'ai-toolkit-dashboard',
      build: true,
      networks: ['frontend', 'backend'],
      ports: [['0.0.0.0', '8080', 8080]],
      env: {
        OPS_CONTROLLER_TOKEN: secretOf('OPS_CONTROLLER_TOKEN'),
        DASHBOARD_AUTH_TOKEN: secretOf('DASHBOARD_AUTH_TOKEN'),
      },
      ...HARDENED,
    }),
    'model-gateway': spec({
      image: 'ai-toolkit-model-gateway',
      build: true,
      networks: ['frontend', 'backend'],
      ports: [['0.0.0.0', '11435', 11435]],
      env: { LITELLM_MASTER_KEY: secretOf('LITELLM_MASTER_KEY') },
      ...HARDENED,
    }),
  };
}

/** Those of other people's images, by digest. */
function pulledServices(): Side['services'] {
  const pinned = (name: string): string => `${name}@${DIGEST}`;
  return {
    'open-webui': spec({
      image: pinned('ghcr.io/open-webui/open-webui'),
      user: '',
      networks: ['frontend', 'backend'],
      ports: [['0.0.0.0', '3000', 8080]],
      env: { WEBUI_AUTH: 'True', OPENAI_API_KEY: 'ollama-local' },
    }),
    n8n: spec({
      image: pinned('docker.n8n.io/n8nio/n8n'),
      ports: [['127.0.0.1', '5678', 5678]],
      networks: ['frontend', 'backend'],
    }),
    ollama: spec({ image: pinned('ollama/ollama'), user: '' }),
    comfyui: spec({
      image: pinned('yanwk/comfyui-boot'),
      user: '',
      ports: [['::1', '8188', 8188]],
      networks: ['frontend'],
    }),
    qdrant: spec({ image: pinned('qdrant/qdrant'), user: '' }),
    'openclaw-gateway': spec({
      image: pinned('ghcr.io/phioranex/openclaw-docker'),
      user: 'node',
      networks: ['frontend'],
      ports: [['127.0.0.1', '18789', 18789]],
      env: { OPENCLAW_GATEWAY_TOKEN: secretOf('OPENCLAW_GATEWAY_TOKEN') },
    }),
    'openclaw-ui-proxy': spec({ image: pinned('alpine'), networks: [], networkMode: 'service:openclaw-gateway' }),
    'comfyui-model-puller': spec({
      image: pinned('python'),
      user: '0:0',
      networks: ['frontend'],
      running: false,
      restart: 'no',
    }),
  };
}

/** The running container and the file's service, for a change of both. */
export function both(stack: Stack, service: string, change: (of: Spec) => void): void {
  for (const side of [stack.running, stack.asked]) {
    const found = side?.services[service];
    if (found !== undefined) change(found);
  }
}

export function service(side: Side | null, name: string): Spec {
  const found = side?.services[name];
  if (found === undefined) throw new Error(`no service ${name}`);
  return found;
}

export function network(side: Side | null, name: string): NetworkSpec {
  const found = side?.networks[name];
  if (found === undefined) throw new Error(`no network ${name}`);
  return found;
}
