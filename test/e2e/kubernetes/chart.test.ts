/** What Helm makes of the chart: by its defaults, and with everything turned on. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { parse } from 'yaml';
import { renderInstall } from '../../../build/chart.js';
import { parsePrefix } from '../../../proxy/core/address.js';
import { type EgressRule, openBy } from '../../firewall/network-policy-reading.js';
import { CHART, FULL_VALUES, helm, pick, ROOT, render, VALUES } from './helm.js';

const PROGRAM = join(ROOT, 'dist/proxy/main.js');

interface NetworkPolicy {
  readonly spec: { readonly egress: readonly EgressRule[] };
}

interface Admission {
  readonly spec: {
    readonly mutations: readonly {
      readonly patchType: string;
      readonly jsonPatch?: { readonly expression: string };
      readonly applyConfiguration?: { readonly expression: string };
    }[];
  };
}

interface Gateway {
  readonly spec: {
    readonly strategy: { readonly rollingUpdate: unknown };
    readonly template: {
      readonly metadata: { readonly annotations?: unknown };
      readonly spec: {
        readonly terminationGracePeriodSeconds: number;
        readonly enableServiceLinks: boolean;
        readonly containers: readonly {
          readonly resources: { readonly limits: { readonly cpu?: string } };
          readonly ports: readonly { readonly containerPort: number }[];
          readonly volumeMounts: readonly { readonly subPath?: string }[];
        }[];
      };
    };
  };
}

interface ConfigMap {
  readonly data: { readonly 'policy.yaml': string };
}

for (const [name, args] of Object.entries(VALUES)) {
  test(`${name}: helm finds nothing to say of it, and the program takes the policy file`, (t) => {
    assert.match(helm('lint', '--strict', CHART, ...args), /1 chart\(s\) linted, 0 chart\(s\) failed/);
    const folder = temporaryFolder(t);
    const { status, stderr, stdout } = spawnSync(
      process.execPath,
      [PROGRAM, 'validate', '--config', configIn(folder, args)],
      {
        encoding: 'utf8',
      },
    );
    assert.equal(status, 0, `${stdout}${stderr}`);
  });

  test(`${name}: the gateway's egress is what the firewall command prints for its policy file`, (t) => {
    const folder = temporaryFolder(t);
    const command = ['firewall', '--format', 'networkpolicy', '--config', configIn(folder, args)];
    const printed = parse(execFileSync(process.execPath, [PROGRAM, ...command], { encoding: 'utf8' })) as NetworkPolicy;
    const policies = render(...args).filter(
      ({ kind, metadata }) => kind === 'NetworkPolicy' && metadata.namespace === 'egress',
    );
    const { spec } = pick<NetworkPolicy>(policies, 'NetworkPolicy');
    const own = [...spec.egress].filter((rule) => !isOfValues(rule));
    assert.deepEqual(own.map(normal), printed.spec.egress.map(normal));
    openBy(own);
  });
}

test('install.yaml is the chart with its defaults (else: npm run chart)', () => {
  const text = readFileSync(join(ROOT, 'docker/kubernetes/install.yaml'), 'utf8');
  assert.ok(text === renderInstall(), 'docker/kubernetes/install.yaml is out of date');
});

test('the same chart packs into the same bytes', (t) => {
  const digests = ['one', 'two'].map((name) => {
    const folder = join(temporaryFolder(t), name);
    helm('package', CHART, '--destination', folder);
    const { version } = parse(readFileSync(join(CHART, 'Chart.yaml'), 'utf8'));
    return createHash('sha256')
      .update(readFileSync(join(folder, `egress-proxy-${version}.tgz`)))
      .digest('hex');
  });
  assert.equal(digests[0], digests[1]);
});

test('the chart has the version of the program', () => {
  const { version, appVersion } = parse(readFileSync(join(CHART, 'Chart.yaml'), 'utf8'));
  const program = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  assert.deepEqual([version, appVersion], [program.version, program.version]);
});

test('without clients by pods there is no account, no role and no token', () => {
  const manifests = render();
  const kinds = new Set(manifests.map(({ kind }) => kind));
  for (const kind of ['ServiceAccount', 'Role', 'RoleBinding', 'ClusterRole', 'Secret'])
    assert.ok(!kinds.has(kind), kind);
  const { spec } = pick<{ spec: { template: { spec: { automountServiceAccountToken: boolean } } } }>(
    manifests,
    'Deployment',
  );
  assert.equal(spec.template.spec.automountServiceAccountToken, false);
});

test('the gateway rolls without a gap, has time to drain, and mounts folders that follow their ConfigMap', () => {
  const { spec } = pick<Gateway>(render(), 'Deployment');
  const pod = spec.template.spec;
  const [container] = pod.containers;
  assert.deepEqual(spec.strategy.rollingUpdate, { maxUnavailable: 0, maxSurge: 1 });
  assert.equal(pod.terminationGracePeriodSeconds, 10 + 60 + 5);
  assert.equal(
    pick<Gateway>(render('--values', FULL_VALUES), 'Deployment').spec.template.spec.terminationGracePeriodSeconds,
    15 + 120 + 5,
  );
  assert.equal(pod.enableServiceLinks, false);
  assert.equal(container?.resources.limits.cpu, undefined);
  assert.ok(container?.ports.every(({ containerPort }) => containerPort >= 1024));
  assert.ok(container?.volumeMounts.every((mount) => mount.subPath === undefined));
  assert.equal(spec.template.metadata.annotations, undefined);
});

test('the admission policy sets variables by merging, and DNS, whose lists are atomic, by a patch', () => {
  const { spec } = pick<Admission>(render('--values', FULL_VALUES), 'MutatingAdmissionPolicy');
  const [dns, ...others] = spec.mutations;
  assert.match(dns?.jsonPatch?.expression ?? '', /"\/spec\/dnsConfig", value: Object\.spec\.dnsConfig\{/);
  assert.deepEqual(
    others.map(({ patchType }) => patchType),
    ['ApplyConfiguration', 'ApplyConfiguration'],
  );
  for (const { applyConfiguration } of others) {
    const { expression = '' } = applyConfiguration ?? {};
    assert.doesNotMatch(expression, /dnsConfig|command|args/);
    assert.equal(expression.match(/\.env\{name: "\w+", value: "/g)?.length, 6);
  }
});

test('a policy of tools names container ports, no kube-dns, and lets nobody in', () => {
  const policy = pick<NetworkPolicy & { spec: { ingress: unknown[]; policyTypes: string[] } }>(
    render(),
    'NetworkPolicy',
    'egress-proxy-tools',
  );
  assert.deepEqual(policy.spec.policyTypes, ['Ingress', 'Egress']);
  assert.deepEqual(policy.spec.ingress, []);
  const [rule, ...others] = policy.spec.egress;
  assert.equal(others.length, 0);
  assert.ok(rule?.ports.every(({ port = 0 }) => port >= 1024));
  assert.doesNotMatch(JSON.stringify(rule), /kube-dns|ipBlock/);
});

function temporaryFolder(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'egress-chart-'));
  context.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** The policy file of the ConfigMap, its secrets as files of the folder. */
function configIn(folder: string, args: readonly string[]): string {
  const manifests = render(...args).filter(({ metadata }) => metadata.namespace === 'egress');
  const { data } = pick<ConfigMap>(manifests, 'ConfigMap');
  const { secret } = args.includes(FULL_VALUES) ? parse(readFileSync(FULL_VALUES, 'utf8')) : { secret: null };
  for (const [name, value] of Object.entries(secret?.values ?? {})) writeFileSync(join(folder, name), String(value));
  const file = join(folder, 'policy.yaml');
  writeFileSync(file, data['policy.yaml'].replaceAll('/run/secrets/egress-proxy', folder));
  return file;
}

/** What networkPolicy.egress and networkPolicy.apiServer add, which no policy file says. */
function isOfValues(rule: EgressRule): boolean {
  return /n8n|172\.18\.0\.2/.test(JSON.stringify(rule));
}

/** In one spelling and one order. */
function normal({ to, ports }: EgressRule) {
  const blocks = to.map((peer) => {
    if (peer.ipBlock === undefined) return peer;
    const { cidr, except = [] } = peer.ipBlock;
    return { cidr: spelled(cidr), except: except.map(spelled).sort() };
  });
  return { to: blocks, ports: ports.map(({ protocol, port, endPort }) => ({ protocol, port, endPort })) };
}

function spelled(cidr: string): string {
  const prefix = parsePrefix(cidr);
  assert.ok(prefix, cidr);
  return prefix.text;
}
