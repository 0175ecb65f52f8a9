/** Writes two states in turn, for ever, into the folder that it is told: a process to be killed. */
import { writeState } from '../../proxy/decide/state-file.js';
import { stateOf } from './stand.js';

const [folder = '', ...counts] = process.argv.slice(2);
const states = counts.map((count) => stateOf(Number(count)));
for (const state of states) writeState(folder, state);
process.stdout.write('both were written\n');
for (;;) for (const state of states) writeState(folder, state);
