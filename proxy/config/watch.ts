/** Notices that the configuration file has changed, by looking: bind mounts on Docker Desktop send no events. DECISIONS 109. */
import { closeSync, constants, fstatSync, openSync, readFileSync, type Stats } from 'node:fs';
import { open } from 'node:fs/promises';

export interface ConfigWatch {
  /** The content of the files was just read for another reason: it is no change. */
  seen(): void;
  /** No `onChange` after this. */
  close(): void;
}

interface State {
  readonly identity: string;
  readonly content: string;
}

/**
 * Looks every `intervalMs` and calls `onChange` once for each new content, as soon as two looks in a row agree on it:
 * a file caught half written, or between an editor's removal and its replacement, is not reported. The same content
 * under another name or time is no change. The timer keeps no process alive. `onChange` must not throw.
 */
export function watchConfig(options: {
  readonly path: string;
  /** The files that the configuration refers to; asked for again after each change. */
  readonly others?: () => readonly string[];
  readonly intervalMs: number;
  readonly onChange: () => void;
}): ConfigWatch {
  const paths = (): readonly string[] => [options.path, ...(options.others?.() ?? [])];
  let watching = paths();
  let reported = contentNow(watching);
  let last: State = { identity: '', content: reported };
  let closed = false;
  const look = async (): Promise<void> => {
    const state = await stateOf(watching);
    if (closed) return;
    const settled = state.identity === last.identity && state.content === last.content;
    last = state;
    if (settled && state.content !== reported) {
      reported = state.content;
      options.onChange();
      const before = watching.join('\0');
      watching = paths();
      // Other files than before: what they hold was read just now, and is no change.
      if (watching.join('\0') !== before) reported = contentNow(watching);
    }
    if (!closed) timer = again();
  };
  const again = (): NodeJS.Timeout => setTimeout(look, options.intervalMs).unref();
  let timer = again();
  return {
    seen: () => {
      watching = paths();
      reported = contentNow(watching);
    },
    close: () => {
      closed = true;
      clearTimeout(timer);
    },
  };
}

/** The content is read each time: a file can change within one tick of its clock, and a bind mount can lag with it. */
async function stateOf(paths: readonly string[]): Promise<State> {
  const states = await Promise.all(paths.map(stateOfFile));
  return {
    identity: states.map(({ identity }) => identity).join(),
    content: JSON.stringify(states.map(({ content }) => content)),
  };
}

/** Of a file that is not there, and of a pipe, which may never end. */
const NOTHING: State = { identity: '', content: '' };
/** Anything larger is neither a policy nor a secret: its size and time are enough to notice a change. */
const MOST_BYTES = 1024 * 1024;
/** A pipe may never begin, and may have taken the place of a file just now. */
const READ = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

async function stateOfFile(path: string): Promise<State> {
  try {
    const file = await open(path, READ);
    try {
      const found = await file.stat();
      if (!found.isFile()) return NOTHING;
      return { identity: identityOf(found), content: largeContent(found) ?? present(await file.readFile('latin1')) };
    } finally {
      await file.close();
    }
  } catch {
    return NOTHING;
  }
}

function contentNow(paths: readonly string[]): string {
  return JSON.stringify(paths.map(contentOfFile));
}

function contentOfFile(path: string): string {
  try {
    const file = openSync(path, READ);
    try {
      const found = fstatSync(file);
      return found.isFile() ? (largeContent(found) ?? present(readFileSync(file, 'latin1'))) : NOTHING.content;
    } finally {
      closeSync(file);
    }
  } catch {
    return NOTHING.content;
  }
}

function identityOf({ mtimeMs, size, ino }: Stats): string {
  return `${mtimeMs} ${size} ${ino}`;
}

/** Null: it is small enough to be read. */
function largeContent(found: Stats): string | null {
  return found.size > MOST_BYTES ? identityOf(found) : null;
}

/** An empty file is not a missing one. */
function present(text: string): string {
  return `=${text}`;
}
