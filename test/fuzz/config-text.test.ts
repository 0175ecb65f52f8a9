import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { loadConfig } from '../../proxy/config/load.js';
import { decideAddresses, decideHost, type Policy } from '../../proxy/core/policy.js';
import { questionOf } from '../core/policy-question.js';
import { fuzzer } from './settings.js';

const { fuzz, note } = fuzzer();

const folder = mkdtempSync(join(tmpdir(), 'egress-fuzz-'));
const path = join(folder, 'policy.yaml');
after(() => rmSync(folder, { recursive: true }));

const SHIPPED = readFileSync(new URL('../../../config/policy.yaml', import.meta.url), 'utf8');
const WIDE = `version: 1
policy:
  mode: report
  default: public
  allow: [{ host: "*.example", ports: [443, "1-65535"] }, {}]
  deny: [{ address: 198.51.100.0/24 }]
  internal:
    - { host: "*.internal", ports: ["1-65535"] }
    - { address: 0.0.0.0/0, ports: ["1-65535"] }
    - { address: "::/0", ports: ["1-65535"] }
clients: [{ name: a, address: 10.0.0.0/8 }, { name: b, token: "0123456789abcdef" }]
limits: { connections: 1, headerBytes: 16KiB, idleTimeout: 5m }
`;

const piece = fc.oneof(
  fc.constantFrom(
    '\n',
    '  ',
    '- ',
    ': ',
    '{',
    '}',
    '[',
    ']',
    '"',
    '&a ',
    '*a',
    '<<: ',
    '!!js ',
    '---\n',
    '# ',
    '|\n',
    '0',
    '-1',
  ),
  fc.constantFrom(
    '${HOME}',
    '${',
    '~',
    'null',
    '1e9',
    '0x1',
    '.inf',
    'true',
    '::/0',
    '0.0.0.0/0',
    '*',
    '*.',
    '__proto__',
    '\t',
  ),
  fc.string({ unit: 'binary', maxLength: 6 }),
);
const text = fc.oneof(
  fc
    .tuple(fc.constantFrom(SHIPPED, WIDE), fc.array(fc.tuple(fc.nat(900), fc.nat(12), piece), { maxLength: 5 }))
    .map(([base, edits]) =>
      edits.reduce((all, [at, cut, insert]) => all.slice(0, at) + insert + all.slice(at + cut), base),
    ),
  fc.json().map((json) => `version: 1\npolicy: ${json}\n`),
  fc.string({ unit: 'binary', maxLength: 200 }),
);

test(`a configuration is loaded, or refused with every error in words; none opens what is never opened (${note})`, () => {
  return fuzz(
    fc.property(text, (document) => {
      writeFileSync(path, document);
      const loaded = loadConfig({ path, env: { HOME: '/root' } });
      if (loaded.ok) return assertNever(loaded.config.policy);
      assert.ok(loaded.errors.length > 0);
      for (const error of loaded.errors) assert.ok(error.expected.length > 0, JSON.stringify(error));
    }),
  );
});

const NEVER = ['169.254.169.254:80', '[fd00:ec2::254]:80', '0.0.0.0:80', '[::]:80', '224.0.0.1:80', '[fe80::1]:80'];
const NEVER_TOO = [
  '168.63.129.16:80',
  '100.100.100.200:80',
  '[::ffff:a9fe:a9fe]:80',
  '[2002:7f00:1::]:80',
  '127.0.0.1:3128',
];

function assertNever(policy: Policy): void {
  for (const authority of [...NEVER, ...NEVER_TOO]) {
    const question = questionOf(authority, { ownPorts: [3128], client: 'a' });
    const { host } = question.target;
    assert.ok(host.kind === 'literal');
    assert.notEqual(decideHost(policy, question), null, authority);
    assert.equal(decideAddresses(policy, question, [host.address]).outcome, 'deny', authority);
  }
}
