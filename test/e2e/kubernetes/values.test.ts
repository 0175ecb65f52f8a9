/** Values that are wrong, each with a sentence that says so before anything is installed, and what depends on the cluster. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CHART, helmFails, render, template } from './helm.js';

test('values that are wrong are refused by their schema', () => {
  const cases: readonly (readonly string[])[] = [
    ['--set', 'gateway.replica=3'],
    ['--set', 'gateway.replicas=0'],
    ['--set-string', 'gateway.replicas=two'],
    ['--set', 'service.clusterIP=None'],
    ['--set', 'service.clusterIP='],
    ['--set', 'service.clusterIP=gateway.example'],
    ['--set', 'config.limits.drainDelay=soon'],
    ['--set', 'config.listen.proxy=0.0.0.0:1'],
    ['--set', 'config.steer.dns=off'],
    ['--set', 'config.policy.default=all'],
    ['--set', 'config.policy.private={34.118.224.0}'],
    ['--set', 'networkPolicy.dns.to=null'],
    ['--set', 'networkPolicy.dns.ports[0].protocol=SCTP'],
    ['--set', 'networkPolicy.egressRules[0].to[0].ipBlock.cidr=0.0.0.0/0'],
    ['--set', 'tools.namespaces[0].name=Not_One'],
    ['--set', 'tools.namespaces[0].podSecurity=privileged'],
    ['--set', 'tools.selector=null'],
    ['--set', 'image.digest=latest'],
    ['--set', 'clusterNetworkPolicy.priority=1001'],
    ['--set', 'networkpolicy.enabled=false'],
    ['--set', 'fullnameOverride=9lives'],
    ['--set-json', 'secret.values={"../a":"x"}'],
    ['--set', 'tools.selector='],
  ];
  for (const args of cases) {
    assert.match(
      helmFails('template', 'egress-proxy', CHART, ...args),
      /values don't meet the specifications|schema/i,
      args.join(' '),
    );
  }
});

test('what the fence cannot be derived from is refused, with what to do instead', () => {
  const wide = ['--set-json', 'config.policy.internal=[{"address":"fd00::/64","ports":[443]}]'];
  assert.match(helmFails('template', 'egress-proxy', CHART, ...wide), /networkPolicy\.egressRules/);
  const pods = ['--set-json', 'config.clients=[{"name":"a","pods":{"namespace":"tools","labels":{"app":"a"}}}]'];
  assert.match(helmFails('template', 'egress-proxy', CHART, ...pods), /networkPolicy\.apiServer\.to is missing/);
});

test('a secret that the policy file names is there, and replicas have room to grow: else an upgrade would leave pods that do not start', () => {
  const client = ['--set-json', 'config.clients=[{"name":"a","token":"${file:/run/secrets/egress-proxy/a}"}]'];
  const said = helmFails('template', 'egress-proxy', CHART, ...client, '--set', 'secret.values.b=x');
  assert.match(
    said,
    /config names \$\{file:\/run\/secrets\/egress-proxy\/a\}, and secret\.values has no "a": .*--reuse-values/,
  );
  render(...client, '--set', 'secret.values.a=x');
  render(...client, '--set', 'secret.existing=mine');
  const few = ['--set', 'autoscaling.enabled=true', '--set', 'autoscaling.maxReplicas=1'];
  assert.match(
    helmFails('template', 'egress-proxy', CHART, ...few),
    /minReplicas: 2 is more than maxReplicas, which is 1/,
  );
});

test('the gateway and the probe know each address of their node, as far as the version of the cluster can say them', () => {
  const fields = (version: string) =>
    [...template('--kube-version', version).matchAll(/fieldPath: (status\.\w+)/g)].map(([, field]) => field);
  assert.deepEqual(fields('1.29.9'), ['status.hostIP', 'status.hostIP']);
  for (const version of ['1.30.0-gke.1', '1.36.1+k3s1'])
    assert.deepEqual(fields(version), ['status.hostIPs', 'status.hostIPs'], version);
});
