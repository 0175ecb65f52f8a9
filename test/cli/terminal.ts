/** A command at a real terminal: `script` of util-linux makes one. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import { plainEnv } from './plain-env.js';

const { stdout } = spawnSync('script', ['--version'], { encoding: 'utf8' });
/** False or why there is none: another system has another `script`, or none. */
export const noTerminal = /util-linux/.test(stdout ?? '') ? false : 'needs script of util-linux';

export interface Terminal {
  /** All that was written to it. */
  readonly written: string;
  type(keys: string): void;
  /** Resolves when what has come since the last call holds the pattern; what that is. */
  shows(pattern: RegExp): Promise<string>;
  /** As somebody who pulls at the corner of the window. */
  resize(rows: number, columns: number): void;
  /** The exit code. */
  ended(): Promise<number | null>;
}

const AT = /at (\/dev\/\S+)\r?\n/;

/** Starts it at a terminal of 12 rows and 70 columns. */
export async function atTerminal(t: TestContext, argv: readonly string[], env: NodeJS.ProcessEnv): Promise<Terminal> {
  const quoted = argv.map((word) => `'${word}'`).join(' ');
  // What the terminal is like when the command has ended is told as "[ icanon]": as it was.
  const after = `CODE=$?; echo "[$(stty -a | grep -o ' .\\?icanon')]"; exit $CODE`;
  // Ctrl+C is for the shell too, and one without a trap ends of it before the command does.
  const command = `trap : INT; stty rows 12 cols 70; echo "at $(tty)"; ${quoted}; ${after}`;
  const child = spawn('script', ['-qec', command, '/dev/null'], {
    env: plainEnv({ ...env, TERM: 'xterm', SHELL: '/bin/sh' }),
  });
  t.after(() => child.kill('SIGKILL'));
  // Not 'exit', which may come before the last of what it has written.
  const exit = once(child, 'close');
  let written = '';
  let seen = 0;
  const looks = new Set<() => void>();
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    written += text;
    for (const look of [...looks]) look();
  });
  const shows = (pattern: RegExp) =>
    new Promise<string>((resolve, reject) => {
      const look = (): void => {
        const found = pattern.exec(written.slice(seen));
        if (found === null) return;
        looks.delete(look);
        seen += found.index + found[0].length;
        resolve(found[0]);
      };
      looks.add(look);
      look();
      void exit.then(() => looks.has(look) && reject(new Error(`it ended without ${pattern}: ${written}`)));
    });
  const [, place = ''] = AT.exec(await shows(AT)) ?? assert.fail();
  return {
    get written() {
      return written;
    },
    type: (keys) => void child.stdin.write(keys),
    shows,
    resize: (rows, columns) => void spawnSync('stty', ['-F', place, 'rows', String(rows), 'cols', String(columns)]),
    async ended() {
      const [code] = await exit;
      return code;
    },
  };
}
