import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hasColour, obeysEscapes } from '../../proxy/observe/terminal.js';

for (const [isTTY, env, colour, escapes] of [
  [true, {}, true, true],
  [true, { TERM: 'xterm' }, true, true],
  [true, { TERM: 'dumb' }, false, false],
  [true, { NO_COLOR: '1' }, false, true],
  [true, { NO_COLOR: '' }, true, true],
  [false, { TERM: 'xterm' }, false, false],
] as const) {
  test(`${isTTY ? 'a terminal' : 'a pipe'} with ${JSON.stringify(env)} gets ${colour ? 'colour' : 'no colour'} and ${escapes ? 'escape sequences' : 'plain lines'}`, () => {
    assert.equal(hasColour({ isTTY }, env), colour);
    assert.equal(obeysEscapes({ isTTY }, env), escapes);
  });
}
