/** One command of the program in this process, with streams of the test. */
import { Readable } from 'node:stream';
import { type Command, execute } from '../../proxy/cli/command.js';

export interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export async function runCommand(
  command: Command,
  argv: readonly string[],
  { input = '', env = {} }: { readonly input?: string; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<Ran> {
  const said = { out: '', err: '' };
  const code = await execute(command, argv, {
    stdin: Readable.from([input]),
    stdout: (text) => {
      said.out += text;
    },
    stderr: (text) => {
      said.err += text;
    },
    env,
  });
  return { code, ...said };
}
