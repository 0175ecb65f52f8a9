/** The command `probe` of this process: its streams and its environment. */
import { probe } from '../probe/probe.js';

export function probeCommand(argv: readonly string[]): Promise<number> {
  return probe(argv, {
    stdout: (text) => process.stdout.write(text),
    stderr: (text) => process.stderr.write(text),
    env: process.env,
  });
}
