/** The command as people call it: options, exit codes, selection, suppression, the state file. */
import assert from 'node:assert/strict';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { CHECKS } from '../../proxy/audit/checks.js';
import { withFiles } from './audit.js';
import { secretsOf } from './bad-stack.js';
import { runAudit } from './run.js';
import { both, hardened, type Stack } from './stack.js';
import { composeJson } from './stack-json.js';

/** With the files of `stack` in the folder that `use` gets, and its compose file in `compose.json` there. */
function inFolder(stack: Stack, use: (folder: string, args: readonly string[]) => Promise<void>): Promise<void> {
  return withFiles(stack, async (folder) => {
    const compose = join(folder, 'compose.json');
    writeFileSync(compose, JSON.stringify(composeJson(stack)));
    await use(folder, [
      '--no-engine',
      '--compose',
      compose,
      '--env',
      join(folder, '.env'),
      '--config',
      join(folder, 'policy.yaml'),
    ]);
  });
}

function published(): Stack {
  const stack = hardened();
  both(stack, 'ops-controller', (of) => of.ports.push(['127.0.0.1', '9000', 9000]));
  return stack;
}

test('the exit code is 1 from --fail-on upwards, and 0 below', () =>
  inFolder(published(), async (_, args) => {
    assert.equal((await runAudit(args)).code, 0, 'medium is below high');
    assert.equal((await runAudit([...args, '--fail-on', 'medium'])).code, 1);
    assert.equal((await runAudit([...args, '--fail-on', 'critical'])).code, 0);
  }));

test('mistakes in the arguments are exit code 2 with the usage', async () => {
  for (const args of [
    ['--fail-on', 'bad'],
    ['--format', 'xml'],
    ['--only', 'no-such-check'],
    ['--max-age', 'soon'],
    ['--shell', 'fish'],
    ['--inspect', '-', '--compose', '-'],
    ['operand'],
  ]) {
    const { code, out, err } = await runAudit(args);
    assert.deepEqual([code, out], [2, ''], args.join(' '));
    assert.match(err, /usage: egress-proxy audit/);
  }
});

test('--only and --skip choose checks', () =>
  inFolder(published(), async (_, args) => {
    const ids = async (...more: string[]) => {
      const { out } = await runAudit([...args, '--format', 'json', ...more]);
      return [...new Set(JSON.parse(out).findings.map(({ id }: { id: string }) => id))];
    };
    assert.deepEqual(await ids('--only', 'token-weak,ops-controller-published'), [
      'ops-controller-published',
      'token-weak',
    ]);
    assert.equal((await ids('--skip', 'token-weak')).length, CHECKS.length - 1);
  }));

test('what audit.ignore names is listed as suppressed with its reason, and does not count', () => {
  const stack = published();
  stack.policy +=
    'audit: { ignore: [{ id: ops-controller-published, service: ops-controller, reason: "for a week" }] }\n';
  return inFolder(stack, async (_, args) => {
    const { code, out } = await runAudit([...args, '--fail-on', 'info', '--only', 'ops-controller-published']);
    assert.equal(code, 0);
    assert.match(out, /supp ops-controller-published {2}ops-controller/);
    assert.match(out, /Suppressed: for a week/);
    assert.match(out, /0 passed, 0 failed, 0 skipped, 1 suppressed\n$/);
  });
});

test('audit.ignore with an id that does not exist is an error', () => {
  const stack = hardened();
  stack.policy += 'audit: { ignore: [{ id: no-such-check, reason: x }] }\n';
  return inFolder(stack, async (_, args) => {
    const { code, err } = await runAudit(args);
    assert.equal(code, 2);
    assert.match(err, /audit\.ignore of .* names "no-such-check", which is no check: see audit --list/);
  });
});

test('a policy whose secrets are elsewhere is read all the same', () => {
  const stack = hardened();
  stack.policy +=
    'clients: [{ name: a, token: "${A_TOKEN}" }, { name: b, token: "${file:/run/secrets/b}" }]\nadmin: { token: "${ADMIN}" }\n';
  return inFolder(stack, async (_, args) => {
    const { code, err } = await runAudit(args);
    assert.deepEqual([code, err], [0, '']);
  });
});

test('each missing source skips its checks, with the command that provides it', async () => {
  const { out } = await runAudit(
    ['--inspect', '-', '--format', 'json'],
    JSON.stringify((await import('./stack-json.js')).inspectJson(hardened())),
  );
  const skipped = JSON.parse(out).findings.filter(({ status }: { status: string }) => status === 'skipped');
  const found = (id: string) => skipped.find((one: { id: string }) => one.id === id);
  assert.match(
    found('network-drift').remediation,
    /^docker compose --profile '\*' config --format json \| egress-proxy audit --compose -$/,
  );
  assert.match(found('token-reused').remediation, /^egress-proxy audit --env \.env$/);
  assert.match(found('filesystem-seeded').remediation, /--data/);
  assert.match(found('policy-open').remediation, /--config/);
  assert.match(found('host-rules-missing').remediation, /iptables-save/);
});

test('the state file remembers since when secrets are as they are, for its owner only, and holds none', () =>
  inFolder(hardened(), async (folder, args) => {
    const state = join(folder, 'state.json');
    const old = async (...more: string[]) => {
      const { out, err } = await runAudit([
        ...args,
        '--state',
        state,
        '--only',
        'token-old',
        '--format',
        'json',
        ...more,
      ]);
      assert.equal(err, '');
      return JSON.parse(out)
        .findings.filter(({ status }: { status: string }) => status === 'fail')
        .map(({ subject }: { subject: string }) => subject);
    };
    assert.deepEqual(await old(), []);
    const text = readFileSync(state, 'utf8');
    assert.equal(statSync(state).mode & 0o777, 0o600);
    for (const [name, secret] of secretsOf(hardened())) assert.ok(!text.includes(secret), name);
    const root = JSON.parse(text);
    for (const name of ['OPS_CONTROLLER_TOKEN', 'DASHBOARD_AUTH_TOKEN'])
      root.secrets[name].since = '2026-01-01T00:00:00.000Z';
    writeFileSync(state, JSON.stringify(root));
    writeFileSync(
      join(folder, '.env'),
      readFileSync(join(folder, '.env'), 'utf8').replace(/^DASHBOARD_AUTH_TOKEN=./m, 'DASHBOARD_AUTH_TOKEN=f'),
    );
    assert.deepEqual(await old(), ['OPS_CONTROLLER_TOKEN']);
    assert.deepEqual(await old('--max-age', '36500'), []);
  }));

test('--list prints the table of checks', async () => {
  const { out } = await runAudit(['--list', '--format', 'json']);
  assert.deepEqual(
    JSON.parse(out).checks.map(({ id }: { id: string }) => id),
    CHECKS.map(({ id }) => id),
  );
  assert.equal((await runAudit(['--list'])).out.split('\n').length, CHECKS.length + 1);
});

test('.env alone says whether the tokens of ops-controller, the dashboard and OpenClaw are set', async () => {
  const stack = hardened();
  for (const name of ['OPS_CONTROLLER_TOKEN', 'DASHBOARD_AUTH_TOKEN', 'OPENCLAW_GATEWAY_TOKEN']) delete stack.env[name];
  await withFiles(stack, async (folder) => {
    const { out } = await runAudit(['--no-engine', '--env', join(folder, '.env'), '--format', 'json']);
    const failing = JSON.parse(out).findings.filter(({ status }: { status: string }) => status === 'fail');
    assert.deepEqual(
      failing.map(({ id, severity }: { id: string; severity: string }) => `${id} ${severity}`),
      ['ops-token-missing high', 'dashboard-auth-off low', 'openclaw-token-missing high'],
    );
  });
});

test('a state file that cannot be written is one line of error', () =>
  inFolder(hardened(), async (folder, args) => {
    const { code, err } = await runAudit([...args, '--state', join(folder, 'nowhere', 'state.json')]);
    assert.equal(code, 2);
    assert.match(err, /^audit: ".*state\.json" cannot be written \(ENOENT\)\n$/);
  }));
