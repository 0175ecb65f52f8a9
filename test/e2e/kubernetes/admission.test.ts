/** What the chart's MutatingAdmissionPolicy makes of pods: its CEL, evaluated. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { admitted, type Mutation } from './admission.js';
import { FULL_VALUES, pick, render } from './helm.js';

function mutations(...values: readonly string[]): readonly Mutation[] {
  const args = ['--set', 'tools.admission.enabled=true', ...values];
  return pick<{ spec: { mutations: readonly Mutation[] } }>(render(...args), 'MutatingAdmissionPolicy').spec.mutations;
}

const PROXY = 'http://10.96.0.250:3128';
const NO_PROXY = 'localhost,127.0.0.1,::1';
/** In the order in which Helm goes through a mapping. */
const VARIABLES = ['HTTPS_PROXY', 'HTTP_PROXY', 'NO_PROXY', 'http_proxy', 'https_proxy', 'no_proxy'].map((name) => ({
  name,
  value: name.toLowerCase() === 'no_proxy' ? NO_PROXY : PROXY,
}));
const DNS = { nameservers: ['10.96.0.250'], options: [{ name: 'ndots', value: '1' }] };

test('a pod that knows nothing of the proxy gets its DNS and its variables, and keeps the rest', () => {
  const pod = {
    metadata: { name: 'fetch', labels: { app: 'fetch' } },
    spec: { serviceAccountName: 'fetch', dnsPolicy: 'ClusterFirst', containers: [{ name: 'mcp', image: 'fetch:1' }] },
  };
  const { metadata, spec } = admitted(pod, mutations());
  assert.deepEqual(metadata, pod.metadata);
  assert.deepEqual(spec, {
    serviceAccountName: 'fetch',
    dnsPolicy: 'None',
    dnsConfig: DNS,
    containers: [{ name: 'mcp', image: 'fetch:1', env: VARIABLES }],
  });
});

test('what a pod says of its own DNS and proxy counts for nothing, in each of its containers, and other variables stay', () => {
  const own = [
    { name: 'https_proxy', value: 'http://192.0.2.1:1' },
    { name: 'NO_PROXY', value: '*' },
    { name: 'KEY', valueFrom: { secretKeyRef: { name: 's', key: 'k' } } },
  ];
  const container = (name: string) => ({ name, image: 'x', command: ['run'], env: own });
  const spec = {
    dnsPolicy: 'None',
    dnsConfig: {
      nameservers: ['192.0.2.53', '192.0.2.54'],
      searches: ['x.example'],
      options: [{ name: 'ndots', value: '5' }],
    },
    containers: [container('a'), container('b')],
    initContainers: [container('init'), { ...container('sidecar'), restartPolicy: 'Always' }],
  };
  const after = admitted({ spec }, mutations()).spec as typeof spec;
  assert.deepEqual(after.dnsConfig, DNS);
  for (const [i, { env, ...rest }] of [...after.containers, ...after.initContainers].entries()) {
    const { env: _, ...before } = [...spec.containers, ...spec.initContainers][i] ?? assert.fail();
    assert.deepEqual(rest, before);
    const byName = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1);
    assert.deepEqual([...env].sort(byName), [...VARIABLES, ...own.slice(2)].sort(byName));
  }
});

test('to admit a pod again changes nothing', () => {
  const once = admitted({ spec: { containers: [{ name: 'mcp' }], initContainers: [{ name: 'init' }] } }, mutations());
  assert.deepEqual(admitted(once, mutations()), once);
});

test('with an IPv6 Service, and without steering', () => {
  const pod = { spec: { dnsPolicy: 'ClusterFirst', containers: [{ name: 'mcp' }] } };
  type Spec = { dnsPolicy: string; dnsConfig?: typeof DNS; containers: { env: typeof VARIABLES }[] };
  const six = ['--set', 'service.clusterIP=fd00:10:96::250', '--set', 'listenAddress=[::]'];
  const withSix = admitted(pod, mutations(...six)).spec as Spec;
  assert.deepEqual(withSix.dnsConfig?.nameservers, ['fd00:10:96::250']);
  assert.equal(withSix.containers[0]?.env[0]?.value, 'http://[fd00:10:96::250]:3128');
  const unsteered = admitted(pod, mutations('--set', 'steer.enabled=false')).spec as Spec;
  assert.deepEqual([unsteered.dnsPolicy, unsteered.dnsConfig], ['ClusterFirst', undefined]);
  assert.equal(unsteered.containers[0]?.env.length, VARIABLES.length);
});

test('the policy of the full values is evaluated, too', () => {
  const { spec } = admitted({ spec: { containers: [{ name: 'mcp' }] } }, mutations('--values', FULL_VALUES));
  assert.equal((spec as { dnsPolicy: string }).dnsPolicy, 'None');
});

test('a field that a pod does not have is found', () => {
  const expression = 'Object{spec: Object.spec{dnsConfig: Object.spec.dnsConfig{nameserver: ["10.96.0.250"]}}}';
  assert.throws(() =>
    admitted({ spec: {} }, [{ patchType: 'ApplyConfiguration', applyConfiguration: { expression } }]),
  );
});
