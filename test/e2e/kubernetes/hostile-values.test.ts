/** Values that would be something else than a value: lines of YAML, options of a pod, a namespace that is the gateway's own. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CHART, helm, helmFails, manifestsOf, template } from './helm.js';

const LINES = ['x\n---\nkind: Evil', 'x\n      hostNetwork: true', 'x\n          command: [sh]', 'x\r\nkind: Evil'];
const TEXTS = [
  ...LINES,
  'a"b',
  "a'b",
  'a: b',
  'a #b',
  '{{ .Values }}',
  '*x',
  '&a',
  '!x',
  '- x',
  '{x}',
  'a\tb',
  'ä',
  'x'.repeat(300),
];
const KEYS = [
  'fullnameOverride',
  'image.repository',
  'image.tag',
  'image.digest',
  'image.pullPolicy',
  'gateway.priorityClassName',
  'listenAddress',
  'service.clusterIP',
  'secret.existing',
  'tools.proxyHost',
  'tools.admission.apiVersion',
  'podMonitor.interval',
  'config.limits.drainDelay',
  'config.clients[0].pods.namespace',
];

function render(key: string, value: string): readonly string[] {
  const on = ['--set', 'tools.admission.enabled=true', '--set', 'podMonitor.enabled=true'];
  return ['template', 'egress-proxy', CHART, ...on, '--set-json', `${key}=${JSON.stringify(value)}`];
}

for (const key of KEYS) {
  test(`${key} is a word of its kind, and no line of YAML, by the schema`, () => {
    for (const text of TEXTS)
      assert.match(helmFails(...render(key, text)), /values don't meet the specifications/, JSON.stringify(text));
  });
}

test('a list of names without a proxy holds names, and lines of YAML nowhere', () => {
  for (const text of [...LINES, 'a"b', '{{ .Values }}'])
    assert.match(helmFails(...render('tools.noProxy', text)), /values don't meet the specifications/, text);
  for (const text of ['', '*', 'localhost,127.0.0.1,::1,.svc,10.0.0.0/8,[::1]']) helm(...render('tools.noProxy', text));
});

test('what may be any text stays text: secrets, annotations, names of clients', () => {
  const hostile = 'a"b\'c: d # e\n---\nkind: Evil\n{{ .Values }}';
  const json = JSON.stringify(hostile);
  const values = [
    `secret.values.x=${json}`,
    `gateway.podAnnotations.note=${json}`,
    `config.clients=[{"name":${json}}]`,
  ];
  const manifests = manifestsOf(template(...values.flatMap((value) => ['--set-json', value])));
  assert.ok(!manifests.some(({ kind }) => kind === 'Evil'));
  const text = JSON.stringify(manifests);
  assert.equal(text.split(JSON.stringify(hostile).slice(1, -1)).length - 1, 2, 'the secret and the annotation');
});

test('tools in the namespace of the gateway, whose labels they could take, are refused', () => {
  const args = ['--namespace', 'egress', '--set-json', 'tools.namespaces=[{"name":"egress"}]'];
  assert.match(helmFails('template', 'egress-proxy', CHART, ...args), /gateway's own namespace/);
});

test('two releases in one namespace do not answer for each other', () => {
  const selector = (release: string): unknown => {
    const manifests = manifestsOf(helm('template', release, CHART, '--set', `fullnameOverride=${release}`));
    const service = manifests.find(({ kind }) => kind === 'Service') as { spec?: { selector: unknown } } | undefined;
    return service?.spec?.selector;
  };
  assert.notDeepEqual(selector('one'), selector('two'));
});

test('the notes after an installation say that nothing is enforced where that is so, and that a token stays mounted', () => {
  const notes = (...args: readonly string[]): string =>
    helm('install', 'egress-proxy', CHART, '--dry-run=client', '--namespace', 'egress', ...args).split(
      '\nNOTES:\n',
    )[1] ?? '';
  assert.match(notes(), /helm test egress-proxy --namespace egress/);
  assert.doesNotMatch(notes(), /NOTHING IS ENFORCED/);
  assert.match(notes('--set', 'networkPolicy.enabled=false'), /NOTHING IS ENFORCED/);
  assert.match(notes('--set', 'tools.admission.enabled=true'), /token stays mounted/);
});
