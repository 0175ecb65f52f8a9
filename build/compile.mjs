/**
 * Fills the folder of compiled code, in the build of the image: PROGRAM=/app/dist node --input-type=module < build/compile.mjs
 *
 * V8 numbers functions in the order in which it meets them, and the numbers are in what it writes. A start that is ended by a signal
 * meets some of them sooner or later, as timers and files have it. So everything is loaded in one order first, the commands of
 * a sidecar run in turn, and it is written at the moment in which the proxy listens: the same bytes each time, with a fixed seed.
 * Read from standard input, since compiled code of this file would be kept, too.
 */
import { readdirSync } from 'node:fs';
import nodeModule from 'node:module';

const program = process.env.PROGRAM;
if (typeof nodeModule.flushCompileCache !== 'function')
  throw new Error(`Node ${process.versions.node} keeps no compiled code`);
const { main, prepareProcess } = await import(`${program}/proxy/main.js`);
// As a start does it: V8 takes only what was compiled with the same flags.
prepareProcess();
const chunks = readdirSync(`${program}/proxy/chunks`).filter((name) => name.endsWith('.js'));
for (const name of chunks.sort()) await import(`${program}/proxy/chunks/${name}`);

const io = { stdin: process.stdin, stdout() {}, stderr() {}, env: process.env };
/** What each ends with. `healthcheck` finds no instance. */
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
