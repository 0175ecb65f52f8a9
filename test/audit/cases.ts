/** A change of a hardened stack, and what the audit says of it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { audit, failures } from './audit.js';
import { hardened, type Stack } from './stack.js';

/** The checks that fail, each with the severity that is expected of it. */
type Failing = readonly (readonly [failure: string, severity: string])[];

type Case = readonly [what: string, change: (stack: Stack) => void, expected: Failing];

/** Each change is found as it should be, with a remedy, and nothing else is found with it. */
export function testFailing(cases: readonly Case[]): void {
  for (const [what, change, expected] of cases) {
    test(`found, and nothing else: ${what}`, async () => {
      const stack = hardened();
      change(stack);
      const { findings } = await audit(stack);
      const failing = findings.filter(({ status }) => status === 'fail');
      assert.deepEqual(
        failures(findings),
        expected.map(([failure]) => failure),
      );
      assert.deepEqual(
        failing.map(({ severity }) => severity),
        expected.map(([, severity]) => severity),
      );
      for (const { remedy, id } of failing)
        assert.ok(remedy && (remedy.sh.length > 0 || remedy.note), `${id} has a remedy`);
    });
  }
}
