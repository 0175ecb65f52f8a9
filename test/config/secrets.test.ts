import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { loadConfig } from '../../proxy/config/load.js';
import { plainEnv } from '../cli/plain-env.js';
import { configFile } from './fixture.js';

const MAIN = fileURLToPath(new URL('../../proxy/main.js', import.meta.url));
const GOOD = 'version: 1\nlisten: { proxy: "127.0.0.1:0", admin: "off" }\npolicy: { default: public }\n';
/** A piece of it is one too many. */
const TOKEN = 'Zq7supersecretXw9';
const PIECE = /Zq7|supersec|Xw9/;
const ITEM = `{ name: github, token: ${TOKEN} }`;

/** What breaks a good file, with a token in a place that is none. */
const BROKEN: readonly (readonly [what: string, text: string])[] = [
  ['a list at column 0', `- ${ITEM}\n`],
  ['a list of blocks at column 0', `- name: github\n  token: ${TOKEN}\n`],
  ['a list at column 0 below an indented key', `clients:\n  more:\n- ${ITEM}\n`],
  ['a mapping at column 0', `${ITEM}\n`],
  ['a mapping as a key', `? ${ITEM}\n: 5\n`],
  ['a list as a key', `[ ${TOKEN}, b ]: x\n`],
  ['a token as a key', `${TOKEN}: x\n`],
  ['a token as a key of a section', `clients:\n  - { name: a, ${TOKEN}: x }\n`],
  ['a token as a tag', `x: !${TOKEN} y\n`],
  ['a token as a tag of its own', `x: !<${TOKEN}> y\n`],
  ['a token as an alias', `x: *${TOKEN}\n`],
  ['a token as a directive', `x: y\n%${TOKEN} z\n`],
  ['a token as an escape', `x: "\\${TOKEN}"\n`],
  ['an open quote', `clients:\n  - { name: github, token: "${TOKEN} }\n`],
  ['a token as the header of a block', `x: |${TOKEN}\n  y\n`],
];

for (const [what, broken] of BROKEN) {
  test(`nothing of a token is in an error or in a warning: ${what}`, async (t) => {
    // What Node has to say of its own environment has been said then.
    await setImmediate();
    const warnings: Error[] = [];
    const onWarning = (warning: Error): void => void warnings.push(warning);
    process.on('warning', onWarning);
    t.after(() => process.off('warning', onWarning));
    const loaded = loadConfig({ path: configFile(t, `${GOOD}${broken}`), env: {} });
    assert.ok(!loaded.ok);
    assert.doesNotMatch(JSON.stringify(loaded.errors), PIECE);
    await setImmediate();
    assert.deepEqual(warnings, [], 'a library has said something by itself');
  });
}

test('the program prints nothing of a token, at its start or on a reload', async (t) => {
  const column0 = `${GOOD}? ${ITEM}\n: 5\n- ${ITEM}\n`;
  const path = configFile(t, column0);
  const failed = spawn(process.execPath, [MAIN, 'serve', '--config', path], { env: plainEnv() });
  const [printed, [code]] = await Promise.all([text(failed.stderr), once(failed, 'exit')]);
  assert.equal(code, 78);
  assert.doesNotMatch(printed, PIECE);
  writeFileSync(path, GOOD);
  const running = spawn(process.execPath, [MAIN, 'serve', '--config', path], { env: plainEnv() });
  const errors = text(running.stderr);
  const lines: string[] = [];
  for await (const line of createInterface({ input: running.stdout })) {
    lines.push(line);
    if (line.includes('"listening"')) writeFileSync(path, column0);
    if (line.includes('"listening"')) running.kill('SIGHUP');
    if (line.includes('"reload-failed"')) running.kill('SIGTERM');
  }
  assert.ok(lines.some((line) => line.includes('"reload-failed"')));
  assert.doesNotMatch(`${lines.join()}${await errors}`, PIECE);
});

test('a warning of a library is logged by its name, and never by what it says', async (t) => {
  const path = configFile(t, GOOD);
  const noisy = `data:text/javascript,process.on('SIGUSR2', () => process.emitWarning(${JSON.stringify(TOKEN)}, 'NoisyWarning'))`;
  const child = spawn(process.execPath, ['--import', noisy, MAIN, 'serve', '--config', path], { env: plainEnv() });
  const errors = text(child.stderr);
  const lines: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line);
    if (line.includes('"listening"')) child.kill('SIGUSR2');
    if (line.includes('NoisyWarning')) child.kill('SIGTERM');
  }
  assert.doesNotMatch(`${lines.join()}${await errors}`, PIECE);
});
