import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { loadConfig } from '../../proxy/config/load.js';
import { type Prefix, parseAddress, parsePrefix } from '../../proxy/core/address.js';
import { decideAddresses, decideHost, type Policy } from '../../proxy/core/policy.js';
import { hostText, parseAuthority } from '../../proxy/core/target.js';
import { draftLine, draftsToAllow, draftToDeny, type RuleDraft, type Seen } from '../../proxy/suggest/rule-draft.js';

const CLIENTS = new Set(['github']);
const [NAT64, PRIVATE] = ['2001:db8:64::/96', '34.118.224.0/20'];
const HERE = { nat64: [prefix(NAT64)], private: [prefix(PRIVATE)] };

/** What is asked: `host:port`, what DNS answers (nothing for a literal), and who asks. */
interface Case {
  readonly target: string;
  readonly answer: readonly string[];
  readonly client: string | null;
}

const OPENABLE: readonly Case[] = [
  { target: 'api.example.com:443', answer: ['192.0.66.1', '2a00:1450::1'], client: 'github' },
  { target: 'on.example.com:443', answer: ['192.0.66.1'], client: null },
  { target: '192.0.66.1:80', answer: [], client: 'github' },
  { target: '[2a00:1450::1]:80', answer: [], client: null },
  { target: 'n8n:5678', answer: ['172.18.0.5'], client: 'github' },
  { target: 'n8n:5678', answer: ['172.18.0.5', 'fd00::5'], client: 'other.net' },
  { target: '192.168.1.20:443', answer: [], client: null },
  { target: '[::1]:8080', answer: [], client: 'github' },
  { target: '127.0.0.1:8080', answer: [], client: null },
  { target: 'localhost:8080', answer: ['127.0.0.1', '::1'], client: null },
  { target: 'docs.example.com:80', answer: ['192.0.2.5'], client: 'github' },
  { target: 'split.example.com:443', answer: ['192.0.66.1', '10.0.0.5'], client: 'github' },
  { target: 'split.example.com:443', answer: ['192.0.66.1', '127.0.0.1'], client: 'github' },
  { target: 'n8n.default.svc.cluster.local:5678', answer: ['34.118.224.9'], client: 'github' },
  { target: '34.118.224.9:5678', answer: [], client: null },
  { target: 'host.docker.internal:11434', answer: ['192.168.65.254'], client: null },
  { target: '[64:ff9b::c000:4201]:443', answer: [], client: 'github' },
  { target: '[64:ff9b::a00:5]:443', answer: [], client: null },
  { target: '[2001:db8:64::c000:4201]:443', answer: [], client: 'github' },
  { target: '[2001:db8:64::a00:5]:443', answer: [], client: 'github' },
  { target: '[2001:db8:64::2276:e009]:443', answer: [], client: null },
  { target: 'n8n:5678', answer: ['2001:db8:64::ac12:5'], client: 'github' },
  { target: 'split.example.com:443', answer: ['127.0.0.1', '2001:db8:64::7f00:1'], client: 'github' },
];

for (const [i, asked] of OPENABLE.entries()) {
  for (const fallback of ['none', 'public'] as const) {
    test(`${asked.target} (${asked.answer}) #${i} is allowed by the lines that are proposed, default ${fallback}`, (t) => {
      const context = { default: fallback, clients: CLIENTS, here: HERE };
      const first = decide(policyOf(t, fallback, []), asked);
      const lines = draftsToAllow(first, context).drafts;
      assert.ok(lines.length > 0);
      const second = decide(policyOf(t, fallback, lines), asked);
      // Where DNS was not asked the first time, the second refusal tells the address, and with it the right line.
      const drafts = second.outcome === 'allow' ? lines : [...lines, ...draftsToAllow(second, context).drafts];
      assert.ok(second.outcome === 'allow' || first.addresses.length === 0);
      const after = decide(policyOf(t, fallback, drafts), asked);
      assert.deepEqual([after.outcome, after.reason], ['allow', null]);
      const denied = draftToDeny(after, context);
      const last = decide(policyOf(t, fallback, [...drafts, ...denied.drafts]), asked);
      assert.equal(last.outcome, 'deny');
      assert.match(last.rule ?? '', /^deny\[0\]$/);
    });
  }
}

test('what is proposed is for this port and this client only', (t) => {
  const asked: Case = { target: 'api.example.com:443', answer: ['192.0.66.1'], client: 'github' };
  const seen = decide(policyOf(t, 'none', []), asked);
  const policy = policyOf(t, 'none', draftsToAllow(seen, { default: 'none', clients: CLIENTS, here: HERE }).drafts);
  assert.equal(decide(policy, { ...asked, client: null }).outcome, 'deny');
  assert.equal(decide(policy, { ...asked, target: 'api.example.com:22' }).outcome, 'deny');
  assert.equal(decide(policy, { ...asked, target: 'www.example.com:443' }).outcome, 'deny');
});

for (const [change, note] of [
  [{ reason: 'metadata-address', rule: 'never:169.254.169.254/32', host: '169.254.169.254' }, /Nothing opens/],
  [{ reason: 'mixed-answer', rule: 'never:169.254.0.0/16' }, /Nothing opens/],
  [{ reason: 'address-prohibited', rule: 'deny[1]' }, /policy\.deny\[1\] refuses it/],
  [{ reason: 'malformed-target', rule: null, host: null, port: null }, /no destination/],
  [{ reason: 'host-not-allowed', host: '2001:db8:64::a9fe:a9fe' }, /Nothing opens/],
  [{ reason: 'connect-refused', outcome: 'fail', addresses: ['2001:db8:64::a9fe:1'] }, /Nothing opens/],
  [{ reason: 'client-unauthenticated', rule: null }, /about the request/],
  [{ reason: 'host-not-allowed', host: '<script>' }, /no destination/],
  [{ reason: 'host-not-allowed', host: 'x" }, { host: "*.com' }, /no destination/],
] as const) {
  test(`${JSON.stringify(change)} has no line that opens it, and a note that says why`, () => {
    const proposal = draftsToAllow({ ...seenDenied(), ...change }, { default: 'none', clients: CLIENTS, here: HERE });
    assert.deepEqual(proposal.drafts, []);
    assert.match(proposal.note ?? '', note);
  });
}

test('notes tell what is allowed already, what failed on the way and what is for everyone', () => {
  const context = { default: 'public', clients: CLIENTS, here: HERE } as const;
  const note = (change: Partial<Seen>) => draftsToAllow({ ...seenDenied(), ...change }, context).note ?? '';
  assert.match(note({ outcome: 'allow', reason: null, rule: 'allow[0]' }), /allowed already, by policy\.allow\[0\]/);
  assert.match(note({ outcome: 'fail', reason: 'connect-refused' }), /The policy allowed it/);
  assert.match(note({ client: { name: 'label.net' } }), /for every client/);
  assert.match(note({ reason: 'address-prohibited', addresses: ['10.0.0.1'] }), /private destination/);
});

function prefix(text: string): Prefix {
  return parsePrefix(text) ?? assert.fail(text);
}

function seenDenied(): Seen {
  return {
    outcome: 'deny',
    reason: 'host-not-allowed',
    rule: 'default',
    client: { name: 'github' },
    host: 'api.example.com',
    port: 443,
    addresses: [],
  };
}

function policyOf(context: TestContext, fallback: string, drafts: readonly RuleDraft[]): Policy {
  const folder = mkdtempSync(join(tmpdir(), 'rule-draft-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const lists = (['allow', 'deny', 'internal'] as const).map((section) => {
    const lines = drafts.filter((draft) => draft.section === section).map((draft) => `\n    ${draftLine(draft)}`);
    return lines.length === 0 ? '' : `\n  ${section}:${lines.join('')}`;
  });
  const clients = 'clients: [ { name: github, address: 172.31.250.7/32 } ]\n';
  const path = join(folder, 'policy.yaml');
  writeFileSync(
    path,
    `version: 1\n${clients}policy:\n  default: ${fallback}\n  private: ${PRIVATE}\n  nat64: [ "${NAT64}" ]${lists.join('')}\n`,
  );
  const loaded = loadConfig({ path, env: {} });
  assert.ok(loaded.ok, JSON.stringify(loaded));
  return loaded.config.policy;
}

/** As the doors decide, in the shape of their record. */
function decide(policy: Policy, { target: text, answer, client }: Case): Seen {
  const target = parseAuthority(text);
  assert.ok(target.ok);
  const { host, port } = target.value;
  const name = client !== null && CLIENTS.has(client) ? client : null;
  const question = { target: target.value, client: { name }, own: { addresses: [], ports: new Set<number>() } };
  const base = { client: { name: client }, host: hostText(host), port };
  const refusal = decideHost(policy, question);
  if (refusal !== null) return { ...base, outcome: 'deny', ...refusal, addresses: [] };
  const texts = host.kind === 'literal' ? [host.address.text] : answer;
  const addresses = texts.flatMap((address) => parseAddress(address) ?? []);
  const verdict = decideAddresses(policy, question, addresses);
  if (verdict.outcome === 'deny') return { ...base, ...verdict, addresses: texts };
  return { ...base, outcome: 'allow', reason: null, rule: verdict.permit.rule, addresses: texts };
}
