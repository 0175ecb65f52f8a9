/** The screen of `watch`: a list that stands still under the hand, and keys. The terminal is given back as it was. */
import { printable } from '../audit/facts/printable.js';
import type { Io } from './command.js';
import type { WatchList, WatchRow } from './watch-list.js';

export type Effect = 'allow' | 'block';

export interface ScreenOptions {
  readonly io: Io;
  readonly list: WatchList;
  /** What is to be said of it. Never rejects. */
  decide(effect: Effect, row: WatchRow): Promise<string>;
  /** Resolves when nothing will come any more, with why. */
  readonly ended: Promise<Error>;
}

/** Another screen, so that what was on the first one is back afterwards; without a cursor. */
const ENTER = '\x1b[?1049h\x1b[?25l';
const LEAVE = '\x1b[?25h\x1b[?1049l';
const CLEAR = '\x1b[2J\x1b[H';
const KEYS = 'up down end: choose  a: allow 10 min  b: block 10 min  q: quit';
/** Of a terminal that does not say how large it is. */
const SIZE = { rows: 24, columns: 80 } as const;
/** Lines below the list. */
const MOST_SAID = 4;
/** What comes in between is drawn together. */
const DRAW_MS = 50;

export class WatchScreen {
  readonly #options: ScreenOptions;
  #said = '';
  #isDrawing = false;
  #isOpen = true;

  constructor(options: ScreenOptions) {
    this.#options = options;
  }

  /** Draws the list soon: something has come. */
  change(): void {
    if (this.#isDrawing || !this.#isOpen) return;
    this.#isDrawing = true;
    setTimeout(() => this.#draw(), DRAW_MS);
  }

  /** Resolves with null where somebody has quit, else with why nothing comes any more. */
  async run(): Promise<Error | null> {
    const { io, ended } = this.#options;
    const { stdin, stdout } = process;
    const resized = (): void => this.#draw();
    io.stdout(ENTER);
    stdout.on('resize', resized);
    const quit = new Promise<null>((resolve) => {
      const end = (): void => resolve(null);
      for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.once(signal, end);
      stdin.setRawMode(true).on('data', (bytes: Buffer) => this.#press(bytes, end));
      stdin.on('end', end);
    });
    this.#draw();
    const fault = await Promise.race([quit, ended]);
    this.#isOpen = false;
    stdout.off('resize', resized);
    stdin.setRawMode(false).pause();
    io.stdout(LEAVE);
    return fault;
  }

  #draw(): void {
    this.#isDrawing = false;
    if (!this.#isOpen) return;
    const { rows, columns } = process.stdout;
    const [height, width] = [rows || SIZE.rows, columns || SIZE.columns];
    const { list, io } = this.#options;
    const below = linesOf(this.#said || printable(list.chosen?.warning ?? ''), width);
    const lines = list.lines(Math.max(1, height - 2 - below.length), width);
    io.stdout(CLEAR + [...lines, '', ...below, KEYS.slice(0, width)].join('\n'));
  }

  /** One read may hold several keys. What was said was said of the row before. */
  #press(bytes: Buffer, quit: () => void): void {
    const { list } = this.#options;
    this.#said = '';
    for (const key of bytes.toString('latin1').match(/\x1b\[[A-Z]|./gs) ?? []) {
      if (key === 'q' || key === '\x03') quit();
      if (key === '\x1b[A' || key === 'k') list.move(-1);
      if (key === '\x1b[B' || key === 'j') list.move(1);
      if (key === '\x1b[F' || key === 'G') list.move(Number.POSITIVE_INFINITY);
      if (key === 'a') void this.#decide('allow');
      if (key === 'b') void this.#decide('block');
    }
    this.#draw();
  }

  async #decide(effect: Effect): Promise<void> {
    const row = this.#options.list.chosen;
    if (row === null) return;
    this.#said = printable(await this.#options.decide(effect, row), 400);
    this.#draw();
  }
}

/** One line at least, so that the list stands still. */
function linesOf(text: string, width: number): readonly string[] {
  const lines = text.match(new RegExp(`.{1,${Math.max(1, width)}}`, 'g')) ?? [''];
  return lines.slice(0, MOST_SAID);
}
