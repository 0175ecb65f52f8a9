import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { HTTP_ROWS, JSON_ROWS } from '../../guard/bypass-rows.js';
import { ENDPOINT_ROWS, FIELD_ROWS } from '../../guard/bypass-rows-more.js';
import { docker } from './docker.js';
import { guarded, type Lab, openLab } from './guard-lab.js';

let lab: Lab;

before(async () => {
  lab = await openLab();
});
after(() => lab.close());

/** The engine's containers, volumes and networks. */
async function census(): Promise<string[]> {
  return Promise.all(
    [
      ['ps', '-aq'],
      ['volume', 'ls', '-q'],
      ['network', 'ls', '-q'],
    ].map((args) => docker(args)),
  );
}

test('no way around leaves anything on a real engine', async () => {
  const rows = [...JSON_ROWS, ...HTTP_ROWS, ...FIELD_ROWS, ...ENDPOINT_ROWS];
  // Here no server is bound to an image, which F16 is about.
  const refused = rows.filter(({ name, outcome }) => outcome === 'refused' && !name.startsWith('F16 the label'));
  const before = await census();
  for (const { name, send } of refused) {
    const answer = await lab.raw(send);
    assert.match(answer, /^HTTP\/1\.1 4\d\d /, name);
  }
  assert.deepEqual(await census(), before);
  assert.deepEqual(await guarded(), []);
});
