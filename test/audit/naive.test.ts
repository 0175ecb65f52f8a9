/** Fourteen mistakes that a naive audit of this stack would make. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseEnv } from '../../proxy/audit/facts/env-file.js';
import { readInspect } from '../../proxy/audit/facts/inspect.js';
import { type Audited, audit, failures } from './audit.js';
import { both, hardened, type Stack, secretOf, service, spec } from './stack.js';
import { composeJson, inspectJson } from './stack-json.js';

/** A change after which a hardened stack still has nothing to be said against. */
async function letsPass(change: (stack: Stack) => void): Promise<Audited> {
  const stack = hardened();
  change(stack);
  const audited = await audit(stack);
  assert.deepEqual(failures(audited.findings), []);
  return audited;
}

function statusOf({ findings }: Audited, id: string, name: string | null = null): string | undefined {
  return findings.find((finding) => finding.id === id && finding.service === name)?.status;
}

test('1. third-party services keep capabilities, privileges and a writable root by design', async () => {
  const { findings } = await audit(hardened());
  const asked = findings.filter(({ id }) => id === 'cap-drop-missing' || id === 'no-new-privileges-missing');
  const services = new Set(asked.map((finding) => finding.service));
  assert.deepEqual([...services].sort(), ['dashboard', 'egress-proxy', 'model-gateway', 'ops-controller']);
});

test('2. comfyui and the one-shot helpers of the stack run as root', async () => {
  const audited = await letsPass((stack) => both(stack, 'comfyui', (of) => (of.user = 'root')));
  for (const name of ['comfyui', 'comfyui-model-puller'])
    assert.equal(statusOf(audited, 'runs-as-root', name), undefined);
});

test('3. a dashboard with SETUID and SETGID starts as root to become another user', async () => {
  await letsPass((stack) =>
    both(stack, 'dashboard', (of) =>
      Object.assign(of, { user: '', capAdd: ['SETUID', 'SETGID'], securityOpt: [], readOnly: false }),
    ),
  );
});

test('4. an exposed port is not a published one, in any of its spellings', () => {
  const [container] = inspectJson(hardened());
  for (const bindings of [{}, null, { '9000/tcp': null }, { '9000/tcp': [] }]) {
    const HostConfig = { PortBindings: bindings };
    const object = { ...(container as object), HostConfig, NetworkSettings: { Ports: { '9000/tcp': null } } };
    assert.deepEqual(readInspect([object], 'test').containers[0]?.published, []);
  }
});

test('4. a stack that does not run skips what only containers can say', async () => {
  const stack = hardened();
  stack.running.services = {};
  stack.tools = {};
  const audited = await audit(stack);
  assert.deepEqual(failures(audited.findings), []);
  for (const id of ['tools-not-behind-proxy', 'network-drift', 'token-stale-in-container', 'image-drift']) {
    assert.equal(statusOf(audited, id), 'skipped', id);
  }
});

test('4. a container of docker compose run does not belong to the service, and a bind counts before the first start', () => {
  const [container] = inspectJson(hardened());
  const Labels = { 'com.docker.compose.oneoff': 'True' };
  const HostConfig = { Binds: ['/var/run:/host:ro', 'C:\\data:/data', 'a-volume:/v'] };
  const [read] = readInspect(
    [{ ...(container as object), Config: { Labels }, HostConfig, Mounts: [] }],
    'test',
  ).containers;
  assert.equal(read?.isOneOff, true);
  assert.deepEqual(read?.mounts, [
    { source: '/var/run', target: '/host', isBind: true },
    { source: 'C:\\data', target: '/data', isBind: true },
    { source: 'a-volume', target: '/v', isBind: false },
  ]);
});

test('5. 127.0.0.1, ::1 and [::1] are loopback; the two families are one publication', async () => {
  for (const address of ['127.0.0.1', '127.0.1.1', '::1', '[::1]']) {
    await letsPass((stack) => both(stack, 'qdrant', (of) => (of.ports = [[address, '6333', 6333]])));
  }
  const stack = hardened();
  both(stack, 'qdrant', (of) => of.ports.push(['0.0.0.0', '6333', 6333], ['::', '6333', 6333]));
  const { findings } = await audit(stack);
  const [found] = findings.filter(({ status }) => status === 'fail');
  assert.match(found?.message ?? '', /published on 0\.0\.0\.0:6333\.$/);
});

test('6. a service in the network of another one has those networks', async () => {
  const stack = hardened();
  both(stack, 'mcp-gateway', (of) => Object.assign(of, { networks: [], networkMode: 'service:ops-controller' }));
  const { findings } = await audit(stack);
  assert.ok(failures(findings).includes('gateway-beside-ops-controller mcp-gateway'));
});

test('6. a service without networks is on default', async () => {
  const stack = hardened();
  const compose = composeJson(stack) as {
    services: Record<string, { networks?: unknown }>;
    networks: Record<string, unknown>;
  };
  for (const name of ['mcp-gateway', 'ops-controller']) delete compose.services[name]?.networks;
  compose.networks.default = { name: 'ai-toolkit_default' };
  const input = { text: JSON.stringify(compose), name: 'compose.json' };
  const { findings } = await audit(stack, (options) => ({ ...options, compose: input, engine: null }));
  assert.ok(failures(findings).includes('gateway-beside-ops-controller mcp-gateway'));
});

test('7. a service of a profile is only in the file, and is judged by it', async () => {
  const stack = hardened();
  const { asked } = stack;
  if (asked) asked.services.vllm = spec({ image: 'vllm/vllm-openai:latest', privileged: true });
  const { findings } = await audit(stack);
  assert.deepEqual(failures(findings), ['privileged vllm', 'image-unpinned vllm']);
});

test('8. Compose leaves internal: false out, and turns an env_file into environment', async () => {
  const stack = hardened();
  for (const side of [stack.asked, stack.running]) if (side?.networks.backend) side.networks.backend.internal = false;
  const networks = (composeJson(stack) as { networks: Record<string, object> }).networks;
  assert.ok(!('internal' in (networks.backend ?? {})));
  const { findings } = await audit(stack);
  assert.deepEqual(failures(findings), ['backend-not-internal']);
});

test('9. an image that is built here, or is a local one, has nothing to be pinned to', async () => {
  await letsPass(({ asked, images }) => {
    service(asked, 'dashboard').image = 'ai-toolkit-dashboard:latest';
    service(asked, 'openclaw-ui-proxy').image = 'ai-toolkit-comfyui-mcp:latest';
    images['ai-toolkit-comfyui-mcp:latest'] = { id: 'sha256:1', digests: [] };
    service(asked, 'openclaw-ui-proxy').build = true;
  });
});

test('10. WEBUI_AUTH that is unset is on; false in any spelling is off', async () => {
  await letsPass((stack) => both(stack, 'open-webui', (of) => delete of.env.WEBUI_AUTH));
  await letsPass((stack) => both(stack, 'open-webui', (of) => Object.assign(of.env, { WEBUI_AUTH: 'TRUE' })));
  for (const off of ['False', 'false', '"false"', '0', '']) {
    const stack = hardened();
    both(stack, 'open-webui', (of) => Object.assign(of.env, { WEBUI_AUTH: off }));
    assert.deepEqual(failures((await audit(stack)).findings), ['open-webui-auth-off open-webui'], off);
  }
});

test('11. file modes say nothing on Docker Desktop', async () => {
  const audited = await letsPass((stack) => {
    stack.envMode = 0o777;
    stack.daemon.operatingSystem = 'Docker Desktop';
  });
  assert.equal(statusOf(audited, 'env-file-readable'), 'skipped');
});

test('12. secrets that are one by design, dummies and paths to files are no findings', async () => {
  await letsPass((stack) => {
    Object.assign(stack.env, {
      OPENAI_API_KEY: stack.env.LITELLM_MASTER_KEY,
      OLLAMA_API_KEY: 'ollama-local',
      HF_TOKEN_FILE: '/run/secrets/hf',
      HF_TOKEN: secretOf('HF_TOKEN'),
      HUGGING_FACE_HUB_TOKEN: secretOf('HF_TOKEN'),
      EMPTY_TOKEN: '',
      REFERENCE_TOKEN: '${OPS_CONTROLLER_TOKEN}',
    });
  });
});

test('13. a dashboard with either of its two passwords has one', async () => {
  await letsPass((stack) => {
    delete stack.env.DASHBOARD_AUTH_TOKEN;
    both(stack, 'dashboard', (of) => Object.assign(of, { env: { DASHBOARD_PASSWORD: 'correct-horse-battery' } }));
  });
});

test('14. services are found by their label in a project of any name, and by audit.roles', async () => {
  const stack = hardened();
  stack.project = 'ordo-ai-stack';
  both(stack, 'ops-controller', (of) => of.ports.push(['0.0.0.0', '9000', 9000]));
  assert.deepEqual(failures((await audit(stack)).findings), ['ops-controller-published ops-controller']);
  for (const side of [stack.asked, stack.running]) {
    if (side === null) continue;
    side.services.restarter = service(side, 'ops-controller');
    delete side.services['ops-controller'];
  }
  assert.deepEqual(failures((await audit(stack)).findings), []);
  stack.policy += 'audit: { roles: { ops-controller: restarter } }\n';
  assert.deepEqual(failures((await audit(stack)).findings), ['ops-controller-published restarter']);
});

test('.env is read as Compose reads it', () => {
  const text = [
    '# a comment',
    'PLAIN=value # with a comment',
    "SINGLE='it is $as # written'",
    'export EXPORTED=yes',
    'DOUBLE="two\\nlines and a \\"quote\\""',
    'EMPTY=',
    'HASH=a#b',
    'PLAIN=the last one counts\r',
    'LINES="first',
    'second"',
    'not a variable',
  ].join('\n');
  const { pairs, lines } = parseEnv(text);
  assert.deepEqual(Object.fromEntries(pairs), {
    PLAIN: 'the last one counts',
    SINGLE: 'it is $as # written',
    EXPORTED: 'yes',
    DOUBLE: 'two\nlines and a "quote"',
    EMPTY: '',
    HASH: 'a#b',
    LINES: 'first\nsecond',
  });
  assert.equal(lines.get('LINES'), 9);
});
