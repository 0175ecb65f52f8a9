import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { callTool, decisions, SIDECAR, SITE_ADDRESS, startDemo, stopDemo } from './demo-stack.js';
import { docker, repository, tryDocker, until } from './docker.js';

const folder = mkdtempSync(join(tmpdir(), 'egress-suggest-'));
const POLICY = join(folder, 'policy.yaml');

/** What the tools of the session do; the others are what they did not do. */
const SESSION = ['http://site.demo.test/', 'https://site.demo.test/', 'http://n8n:5678/'];
const OTHERS = [
  `http://${SITE_ADDRESS}/`,
  'http://site.demo.test:8080/',
  'http://169.254.169.254/',
  'http://other.test/',
];

before(async () => {
  const open = readFileSync(`${repository}docker/demo/policy/policy.yaml`, 'utf8');
  writeFileSync(POLICY, open.replace('default: public', 'mode: report\n  default: none'));
  chmodSync(folder, 0o755);
  await startDemo({ EGRESS_CONFIG_DIR: folder });
});

after(async () => {
  await stopDemo();
  rmSync(folder, { recursive: true });
});

/** The reason of the refusal that the tool was answered with; null where it reached what it asked for. */
async function refusal(url: string): Promise<string | null> {
  const { code, stdout, stderr } = await callTool('fetch', [url]);
  const reason = /"reason":"([\w-]+)"/.exec(stdout)?.[1] ?? /Egress denied: ([\w-]+)/.exec(stderr)?.[1] ?? null;
  assert.ok(code === 0 || reason !== null, stderr);
  return reason;
}

test('what suggest makes of a session of the demo allows that session, and nothing else', {
  timeout: 600_000,
}, async () => {
  for (const url of SESSION) assert.equal(await refusal(url), null, url);
  const seen = async (): Promise<number> =>
    (await decisions()).filter(({ host, door }) => host === 'site.demo.test' && door !== 'steer-dns').length;
  await until('the records of the session', async () => (await seen()) >= 2);

  const { stdout: log } = await tryDocker(['logs', SIDECAR]);
  const config = ['--config', '/etc/egress-proxy/policy.yaml'];
  const suggested = await docker(['exec', '-i', SIDECAR, 'egress-proxy', 'suggest', ...config], { input: log });
  assert.match(
    suggested,
    /- \{ host: "site\.demo\.test", ports: \[ 80, 443 \], clients: \[ "fetch" \] \} # \d+ requests/,
  );
  assert.match(suggested, /default: none/);
  writeFileSync(POLICY, suggested);
  await until('the new policy', async () => (await tryDocker(['logs', SIDECAR])).stdout.includes('"event":"reloaded"'));

  for (const url of SESSION) assert.equal(await refusal(url), null, url);
  for (const url of OTHERS)
    assert.match((await refusal(url)) ?? '', /^(host|port)-not-allowed$|^metadata-address$/, url);
});
