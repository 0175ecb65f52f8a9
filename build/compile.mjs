/**
 * Fills the folder of compiled code, in the build of the image:
 * PROGRAM=/app/dist node --random-seed=1 --initial-old-space-size=128 --input-type=module < build/compile.mjs
 *
 * V8 numbers functions in the order in which it meets them, and writes the numbers. In a start that a signal ends, that order
 * depends on timers and files. So this loads everything in one order, runs the commands of a sidecar in turn, and writes when
 * the proxy listens: with a fixed seed, the same bytes each time. It is read from standard input, because otherwise its own
 * compiled code would be kept, too. And it has room for all that it loads: V8 writes bytes that it never set, and after a full
 * collection, which begins at another moment each time, these are what was in the place before. DECISIONS 200.
 */
import { readdirSync } from 'node:fs';
import nodeModule from 'node:module';
import { setFlagsFromString } from 'node:v8';

const program = process.env.PROGRAM;
if (typeof nodeModule.flushCompileCache !== 'function')
  throw new Error(`Node ${process.versions.node} keeps no compiled code`);
// The room is taken; a start has no such option, and V8 accepts only what was compiled under the same flags.
setFlagsFromString('--initial-old-space-size=0');
const { main, prepareProcess } = await import(`${program}/proxy/main.js`);
// As a start does.
prepareProcess();
const chunks = readdirSync(`${program}/proxy/chunks`).filter((name) => name.endsWith('.js'));
for (const name of chunks.sort()) await import(`${program}/proxy/chunks/${name}`);

const io = { stdin: process.stdin, stdout() {}, stderr() {}, env: process.env };
/** The exit code of each; `healthcheck` finds no instance here. */
for (const [command, expected] of [
  [['check', 'http://169.254.169.254/'], 3],
  [['healthcheck'], 1],
  [['serve'], null],
]) {
  const code = await main(command, io);
  if (code !== expected) throw new Error(`${command[0]} ended with ${code}`);
}
nodeModule.flushCompileCache();
process.exit(0);
