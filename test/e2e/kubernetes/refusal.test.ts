/** Which pods the chart's ValidatingAdmissionPolicy refuses: its CEL, evaluated. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { celEnv, isCelError, parse, plan } from '@bufbuild/cel';
import { FULL_VALUES, pick, render } from './helm.js';

interface Validation {
  readonly expression: string;
  readonly message: string;
}

interface Policy {
  readonly spec: {
    readonly failurePolicy: string;
    readonly matchConstraints: { readonly resourceRules: readonly { readonly resources: readonly string[] }[] };
    readonly validations: readonly Validation[];
  };
}

const manifests = render('--values', FULL_VALUES);
const { spec: policy } = pick<Policy>(manifests, 'ValidatingAdmissionPolicy');

/** What an API server would say, in the order of the policy: a validation that fails, or that cannot be evaluated. */
function refusals(spec: Readonly<Record<string, unknown>>): readonly string[] {
  return policy.validations.flatMap(({ expression, message }) => {
    const result = plan(celEnv(), parse(expression))({ object: { spec } as never });
    if (isCelError(result)) throw result;
    return result === true ? [] : [message.split(':')[0] ?? ''];
  });
}

const CLOSED = { securityContext: { capabilities: { drop: ['ALL'] } } };
const container = (securityContext: unknown) => ({ containers: [{ name: 'mcp', securityContext }] });
const TOKEN = {
  name: 'kube-api-access',
  projected: { sources: [{ configMap: {} }, { serviceAccountToken: { path: 'token' } }] },
};

test('pods that a NetworkPolicy holds, and that have no credential of the cluster, are admitted', () => {
  for (const spec of [
    { containers: [CLOSED] },
    { containers: [CLOSED], initContainers: [CLOSED], ephemeralContainers: [CLOSED], hostNetwork: false, volumes: [] },
    {
      containers: [CLOSED],
      volumes: [{ emptyDir: {} }, { projected: { sources: [{ configMap: {} }] } }, { projected: {} }],
    },
    {
      hostPID: false,
      containers: [CLOSED],
      volumes: ['configMap', 'secret', 'downwardAPI', 'persistentVolumeClaim', 'ephemeral', 'csi', 'image'].map(
        (kind) => ({ name: kind, [kind]: {} }),
      ),
    },
    container({ privileged: false, capabilities: { drop: ['NET_RAW'], add: ['NET_BIND_SERVICE'] } }),
  ])
    assert.deepEqual(refusals(spec), [], JSON.stringify(spec));
});

test('the test of the chart, and its gateway, would be admitted', () => {
  const probes = manifests.filter(({ kind }) => kind === 'Pod').map(({ spec }) => spec as Record<string, unknown>);
  assert.ok(probes.length > 0);
  const gateway = pick<{ spec: { template: { spec: Record<string, unknown> } } }>(manifests, 'Deployment');
  for (const spec of [...probes, gateway.spec.template.spec]) assert.deepEqual(refusals(spec), []);
});

test('what escapes, or would let a tool forge packets, is refused, in each kind of container', () => {
  const contexts = [
    undefined,
    {},
    { capabilities: {} },
    { capabilities: { drop: [] } },
    { capabilities: { drop: ['CHOWN'] } },
    { privileged: true, capabilities: { drop: ['ALL'] } },
    ...['NET_RAW', 'NET_ADMIN', 'SYS_ADMIN', 'ALL', 'CAP_NET_RAW', 'net_raw'].map((name) => ({
      capabilities: { drop: ['ALL'], add: ['NET_BIND_SERVICE', name] },
    })),
  ];
  for (const list of ['containers', 'initContainers', 'ephemeralContainers'])
    for (const securityContext of contexts) {
      const spec = { containers: [CLOSED], [list]: [CLOSED, securityContext === undefined ? {} : { securityContext }] };
      assert.deepEqual(refusals(spec), [list], JSON.stringify(spec));
    }
  assert.deepEqual(refusals({ containers: [CLOSED], hostNetwork: true }), ['hostNetwork']);
  assert.deepEqual(refusals({ containers: [CLOSED], hostPID: true }), ['hostPID']);
});

test('a token of the cluster, the files of the node and mounts over its network are refused, one among others, too', () => {
  const refused = (volumes: readonly unknown[]) => refusals({ containers: [CLOSED], volumes });
  assert.deepEqual(refused([{ emptyDir: {} }, TOKEN]), ['a service-account token is a credential of the cluster']);
  const nfs = { nfs: { server: '192.168.1.5', path: '/' } };
  for (const volume of [{ hostPath: { path: '/run' } }, nfs, { iscsi: { targetPortal: '192.168.1.5' } }])
    assert.deepEqual(refused([{ emptyDir: {} }, volume]), ['volumes'], JSON.stringify(volume));
});

test('debug containers are asked about, and a policy that cannot be evaluated refuses', () => {
  const resources = policy.matchConstraints.resourceRules.flatMap((rule) => rule.resources);
  assert.deepEqual(resources, ['pods', 'pods/ephemeralcontainers']);
  assert.equal(policy.failurePolicy, 'Fail');
  assert.ok(!render().some(({ kind }) => kind.startsWith('ValidatingAdmission')), 'it is off by default');
});
