import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decideAddresses, decideHost } from '../../proxy/core/policy.js';
import { REASONS } from '../../proxy/core/reasons.js';
import {
  authorityText,
  hostText,
  parseAbsolute,
  parseAuthority,
  parseHostField,
  type Target,
} from '../../proxy/core/target.js';
import { numericHosts } from '../core/numeric-hosts.js';
import { addressOf, type PolicyText, policyOf } from '../core/policy-question.js';
import { HOSTILE_TARGETS } from '../http/hostile-targets.js';
import { anyAddress, isProhibited } from './oracle.js';
import { fuzzer } from './settings.js';

const { fuzz, note } = fuzzer();

const POLICIES: readonly PolicyText[] = [
  {},
  { default: 'none', allow: [{ host: '*.example' }] },
  { allow: [{}], deny: [{ address: '8.0.0.0/8' }] },
  {
    mode: 'report',
    internal: [
      { address: '0.0.0.0/0', ports: [[1, 65_535]] },
      { address: '::/0', ports: [[1, 65_535]] },
    ],
  },
];

const corpus = HOSTILE_TARGETS.map(({ target }) => target);
const mutated = fc
  .tuple(fc.constantFrom(...corpus), fc.nat(60), fc.nat(3), fc.string({ unit: 'binary', maxLength: 3 }))
  .map(([text, at, length, insert]) => text.slice(0, at) + insert + text.slice(at + length));
const host = fc.oneof(
  numericHosts.ipv4,
  numericHosts.ipv6.map((text) => `[${text}]`),
  fc.domain(),
  anyAddress(),
);
const built = fc
  .tuple(fc.constantFrom('', 'http://', 'https://', 'HTTP://'), host, fc.constantFrom('', ':1', ':443', ':0', ':65536'))
  .map((parts) => parts.join(''));
const target = fc.oneof(mutated, built, fc.string({ unit: 'binary' }));

function targetsOf(text: string): Target[] {
  const [authority, absolute, field] = [parseAuthority(text), parseAbsolute(text), parseHostField(text)];
  for (const parsed of [authority, absolute, field]) if (!parsed.ok) assert.ok(parsed.reason in REASONS, parsed.reason);
  // Why a Host field with the same text is not read again.
  if (absolute.ok) assert.ok(parseHostField(absolute.value.authority).ok, text);
  return [...(authority.ok ? [authority.value] : []), ...(absolute.ok ? [absolute.value.target] : [])];
}

test(`a target is a reason or a value that reads the same again (${note})`, () => {
  return fuzz(
    fc.property(
      target,
      fc.constantFrom(...POLICIES),
      fc.array(anyAddress(), { maxLength: 4 }),
      (text, policyText, answer) => {
        for (const one of targetsOf(text)) {
          assert.deepEqual(parseAuthority(authorityText(one)), {
            ok: true,
            value: { ...one, form: 'authority', scheme: null },
          });
          assertAgrees(one, text);
          assertPermit(one, policyText, answer);
        }
      },
    ),
  );
});

/** The URL standard reads the same host, so that nobody after us reads another one. */
function assertAgrees(one: Target, text: string): void {
  const url = one.form === 'absolute' ? text : `http://${text}/`;
  assert.ok(URL.canParse(url), text);
  assert.equal(new URL(url).hostname.replace(/^\[|\]$|\.$/g, ''), hostText(one.host), text);
}

function assertPermit(one: Target, policyText: PolicyText, answer: readonly string[]): void {
  const policy = policyOf(policyText);
  const question = { target: one, client: { name: null }, own: { addresses: [], ports: new Set<number>() } };
  const early = decideHost(policy, question);
  if (early !== null) {
    assert.ok(early.reason in REASONS);
    return;
  }
  const verdict = decideAddresses(
    policy,
    question,
    one.host.kind === 'literal' ? [one.host.address] : answer.map(addressOf),
  );
  if (verdict.outcome === 'deny') {
    assert.ok(verdict.reason in REASONS);
    return;
  }
  const opened = policyText.mode === 'report';
  for (const { text } of verdict.permit.addresses)
    assert.ok(opened ? !isNever(text) : !isProhibited(text), `${authorityText(one)} may dial ${text}`);
}

/** What no rule opens, in the few forms that need no table. */
function isNever(text: string): boolean {
  return /^(?:0\.|169\.254\.|22[4-9]\.|23\d\.|255\.255\.255\.255$|168\.63\.129\.16$|fe[89ab][0-9a-f]:|ff[0-9a-f]{2}:|::$|2002:)/.test(
    text,
  );
}
