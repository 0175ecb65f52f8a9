import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { HTTP_ROWS, JSON_ROWS, type Row } from './bypass-rows.js';
import { ENDPOINT_ROWS, FIELD_ROWS } from './bypass-rows-more.js';
import { create, stand, statusOf, tool } from './stand.js';

/** What the engine gets for a request without an attack. */
async function plainRequest(context: TestContext) {
  const { send, engine } = await stand(context);
  await send(create(tool()));
  return engine.calls.map(({ call, body, headers }) => ({ call, body, type: headers['content-type'] }));
}

async function check(context: TestContext, rows: readonly Row[]): Promise<void> {
  const plain = await plainRequest(context);
  const { send, engine, records, defects, guard } = await stand(context);
  for (const row of rows) {
    await context.test(row.name, async () => {
      const status = statusOf(await send(row.send));
      const seen = engine.calls.map(({ call, body, headers }) => ({ call, body, type: headers['content-type'] }));
      const outcomes = records.map(({ outcome }) => outcome);
      engine.calls.length = 0;
      records.length = 0;
      for (const { id } of guard.custody.roster.tools) guard.custody.gone(id);
      assert.deepEqual(defects, []);
      assert.deepEqual(seen, row.outcome === 'refused' ? [] : plain);
      assert.ok(row.outcome === 'refused' ? status >= 400 && status < 500 : status === 201, `${status}`);
      assert.deepEqual(outcomes, [row.outcome === 'refused' ? 'deny' : 'allow']);
    });
  }
}

test('no spelling in JSON gets around the guard', (context) => check(context, JSON_ROWS));
test('no framing in HTTP gets around the guard', (context) => check(context, HTTP_ROWS));
test('no field of the create request gets around the guard', (context) => check(context, FIELD_ROWS));
test('no other endpoint gets around the guard', (context) => check(context, ENDPOINT_ROWS));
