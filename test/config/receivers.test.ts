import assert from 'node:assert/strict';
import { test } from 'node:test';
import { policyView } from '../../proxy/admin/policy-view.js';
import { hostText } from '../../proxy/core/target.js';
import { configOf, errorsOf } from './fixture.js';

const notify = (section: string, more = ''): string => `version: 1\nnotify: ${section}\n${more}`;

test('without notify there is no receiver', (t) => {
  assert.equal(configOf(t, 'version: 1\n').notify, null);
  assert.equal(configOf(t, notify('null')).notify, null);
});

test('a receiver is a URL, with events and header fields', (t) => {
  const text = notify(
    '{ url: "https://Hooks.test/a?b=${KEY}", events: [first-contact], headers: { X-Key: "${KEY}" } }',
  );
  const settings = configOf(t, text, { KEY: 'secret' }).notify;
  const { to, events, instance } = settings ?? {};
  assert.deepEqual(
    [to?.target.scheme, to && hostText(to.target.host), to?.target.port, to?.path],
    ['https', 'hooks.test', 443, '/a?b=secret'],
  );
  assert.deepEqual([events, instance, to?.fields], [['first-contact'], null, ['X-Key', 'secret']]);
  assert.deepEqual(configOf(t, notify('{ url: "http://nas:8080/" }')).notify?.events, ['question', 'metadata']);
});

const BAD: readonly (readonly [section: string, path: string])[] = [
  ['{ url: "https://user:hunter2@hooks.test/" }', 'notify.url'],
  ['{ url: "ftp://hooks.test/hunter2" }', 'notify.url'],
  ['{ url: "wss://hooks.test/hunter2" }', 'notify.url'],
  ['{ url: "hooks.test/hunter2" }', 'notify.url'],
  ['{ url: "https://[fe80::1%eth0]/hunter2" }', 'notify.url'],
  ['{ url: "https://hooks.test/hunter2#part" }', 'notify.url'],
  ['{ url: "https://hooks.test/hunter2 HTTP/1.1\\r\\nX: 1" }', 'notify.url'],
  ['{ url: "https://hooks.test/", headers: { Host: hunter2 } }', 'notify.headers.Host'],
  ['{ url: "https://hooks.test/", headers: { Content-Length: "2" } }', 'notify.headers.Content-Length'],
  ['{ url: "https://hooks.test/", headers: { X-Key: "hunter2\\r\\nX: 1" } }', 'notify.headers.X-Key'],
  ['{ url: "https://hooks.test/", events: [] }', 'notify.events'],
  ['{ url: "https://hooks.test/", events: [refusal] }', 'notify.events[0]'],
  ['{ url: "https://hooks.test/", instance: "a b" }', 'notify.instance'],
  ['{ events: [question] }', 'notify.url'],
];
for (const [section, path] of BAD) {
  test(`${section} is a mistake at ${path}, whose value is not shown`, (t) => {
    const errors = errorsOf(t, notify(section));
    assert.deepEqual(
      errors.map((error) => error.path),
      [path],
    );
    assert.doesNotMatch(JSON.stringify(errors), /hunter2/);
  });
}

test('an exception may be for the sender alone, and then no client has its name', (t) => {
  const rules = 'policy: { internal: [ { host: hooks.lan, ports: [443], clients: [notify] } ] }\n';
  assert.deepEqual(errorsOf(t, notify('{ url: "https://hooks.lan/" }', rules)), []);
  assert.deepEqual(
    errorsOf(t, `version: 1\n${rules}`).map(({ path }) => path),
    ['policy.internal[0].clients[0]'],
  );
  const clients = 'clients: [ { name: notify, address: 10.1.0.1/32 } ]\n';
  assert.deepEqual(errorsOf(t, `version: 1\n${clients}`), []);
  assert.deepEqual(
    errorsOf(t, notify('{ url: "https://hooks.lan/" }', clients)).map(({ path }) => path),
    ['clients[0].name'],
  );
});

test('the policy view names the receiver, and neither its path nor its fields', (t) => {
  const config = configOf(t, notify('{ url: "https://hooks.test/hunter2", headers: { X-Key: hunter2 } }'));
  const view = policyView(config);
  assert.deepEqual(view.notify, { to: 'https://hooks.test:443', events: ['question', 'metadata'] });
  assert.doesNotMatch(JSON.stringify(view), /hunter2/);
});

test('a collector has an endpoint, signals, fields and an interval, and its own name for exceptions', (t) => {
  assert.equal(configOf(t, 'version: 1\n').otlp, null);
  const { otlp } = configOf(
    t,
    'version: 1\notlp: { endpoint: "http://collector.lan:4318/base", signals: [logs], interval: 10s }\n',
  );
  assert.deepEqual(
    [otlp?.to.path, otlp?.signals, otlp?.intervalMs, otlp?.to.rule.id],
    ['/base', ['logs'], 10_000, 'otlp'],
  );
  for (const bad of [
    '{ endpoint: "http://user:hunter2@c/" }',
    '{ endpoint: "grpc://c:4317/hunter2" }',
    '{ endpoint: "http://c/", signals: [traces] }',
  ]) {
    const errors = errorsOf(t, `version: 1\notlp: ${bad}\n`);
    assert.equal(errors.length, 1, bad);
    assert.doesNotMatch(JSON.stringify(errors), /hunter2/);
  }
  const rules = 'policy: { internal: [ { host: c, ports: [4318], clients: [otlp] } ] }\n';
  assert.deepEqual(errorsOf(t, `version: 1\notlp: { endpoint: "http://c:4318" }\n${rules}`), []);
});
