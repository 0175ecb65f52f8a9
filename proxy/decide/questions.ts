/**
 * What clients want to reach and no rule names: open questions to whoever runs the proxy. The same request from the same
 * client is one question; over a bound, a client's questions are only counted. So a tool that asks for ten thousand
 * hosts fills neither memory nor the screen.
 */
import { randomBytes } from 'node:crypto';
import type { Clock } from './book.js';

export interface Question {
  readonly id: string;
  readonly client: { readonly address: string; readonly name: string | null };
  /** The client to which an answer may be limited; null: the configuration has no name for it. */
  readonly grantClient: string | null;
  readonly host: string;
  readonly port: number;
  readonly door: string;
  readonly count: number;
  /** Requests that wait for the answer. */
  readonly waiting: number;
  readonly first: number;
  readonly last: number;
  /** The decision that led to it. */
  readonly from: string;
}

export type Asking = Pick<Question, 'client' | 'grantClient' | 'host' | 'port' | 'door' | 'from'>;

/** What a client asked beyond its share. */
export interface Folded {
  readonly client: Question['client'];
  readonly more: number;
  readonly last: number;
}

export interface QuestionBounds {
  readonly perClient: number;
  readonly most: number;
  readonly keepMs: number;
}

export type QuestionEnd = 'allowed' | 'blocked' | 'dismissed' | 'expired';

export interface QuestionsOptions {
  /** Null: nobody is asked. */
  readonly bounds: () => QuestionBounds | null;
  readonly clock: Clock;
  readonly onQuestion: (question: Question, isNew: boolean) => void;
  readonly onEnd: (id: string, how: QuestionEnd) => void;
}

/** How many clients over their share are counted. */
const MOST_FOLDED = 100;
/** Times are wall-clock times, the clock may be set, and a machine may sleep: so it looks, instead of setting one timer. */
const LOOK_MS = 500;
/** The same question is announced at most this often. */
const NEWS_MS = 1000;

interface Open {
  question: Question;
  told: number;
  readonly waiting: Set<() => void>;
}

export class Questions {
  readonly #options: QuestionsOptions;
  readonly #open = new Map<string, Open>();
  readonly #folded = new Map<string, Folded>();
  #isClosed = false;
  #cancelLook: (() => void) | null = null;

  constructor(options: QuestionsOptions) {
    this.#options = options;
  }

  list(): readonly Question[] {
    this.#expire();
    return [...this.#open.values()].map(({ question }) => question);
  }

  folded(): readonly Folded[] {
    this.#expire();
    return [...this.#folded.values()];
  }

  find(id: string): Question | null {
    return this.list().find((question) => question.id === id) ?? null;
  }

  /** Notes that somebody asks; false if that goes over a bound, or nobody is asked. */
  ask(asking: Asking): boolean {
    const bounds = this.#options.bounds();
    if (bounds === null || this.#isClosed) return false;
    this.#expire();
    const key = keyOf(asking);
    const known = this.#open.get(key);
    const now = this.#options.clock.now();
    if (known !== undefined) {
      this.#change(known, { count: known.question.count + 1, last: now, from: asking.from });
      return true;
    }
    const ofClient = [...this.#open.values()].filter(({ question }) => clientKey(question) === clientKey(asking));
    if (ofClient.length >= bounds.perClient || this.#open.size >= bounds.most) {
      this.#fold(asking, now);
      return false;
    }
    const id = randomBytes(6).toString('hex');
    const question: Question = { id, ...asking, count: 1, waiting: 0, first: now, last: now };
    this.#open.set(key, { question, told: now, waiting: new Set() });
    this.#cancelLook ??= this.#look();
    this.#options.onQuestion(question, true);
    return true;
  }

  /** Resolves when the question has ended, `ms` are over or `signal` aborts. Only after `ask` has returned true. */
  wait(asking: Asking, ms: number, signal: WaitSignal): Promise<void> {
    const open = this.#open.get(keyOf(asking));
    if (open === undefined || signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        cancel();
        signal.removeEventListener('abort', done);
        if (open.waiting.delete(done)) this.#change(open, { waiting: open.waiting.size });
        resolve();
      };
      const cancel = this.#options.clock.after(ms, done);
      open.waiting.add(done);
      signal.addEventListener('abort', done);
      this.#change(open, { waiting: open.waiting.size });
    });
  }

  /** The question is answered: requests that wait for it go on. False if there is no such question. */
  end(id: string, how: QuestionEnd): boolean {
    const found = [...this.#open].find(([, { question }]) => question.id === id);
    if (found === undefined) return false;
    this.#close(found[0], found[1], how);
    return true;
  }

  /** Ends the questions that have been settled in some other way. */
  endWhere(isAnswered: (question: Question) => boolean): void {
    for (const [key, open] of [...this.#open]) if (isAnswered(open.question)) this.#close(key, open, 'allowed');
  }

  /** Ends every wait; nothing is asked after this. */
  close(): void {
    this.#isClosed = true;
    for (const [key, open] of [...this.#open]) this.#close(key, open, 'expired');
    this.#cancelLook?.();
  }

  #close(key: string, open: Open, how: QuestionEnd): void {
    this.#open.delete(key);
    this.#options.onEnd(open.question.id, how);
    for (const done of [...open.waiting]) done();
  }

  #change(open: Open, change: Partial<Question>): void {
    open.question = { ...open.question, ...change };
    const now = this.#options.clock.now();
    if (now - open.told < NEWS_MS) return;
    open.told = now;
    this.#options.onQuestion(open.question, false);
  }

  #fold(asking: Asking, now: number): void {
    const key = clientKey(asking);
    const more = (this.#folded.get(key)?.more ?? 0) + 1;
    if (more === 1 && this.#folded.size >= MOST_FOLDED) return;
    this.#folded.set(key, { client: asking.client, more, last: now });
  }

  /** Runs as long as there is a question: it must expire even if nobody asks again, and whoever looks has to see it go. */
  #look(): () => void {
    return this.#options.clock.after(LOOK_MS, () => {
      this.#expire();
      this.#cancelLook = this.#open.size > 0 ? this.#look() : null;
    });
  }

  #expire(): void {
    const keepMs = this.#options.bounds()?.keepMs ?? 0;
    const oldest = this.#options.clock.now() - keepMs;
    for (const [key, open] of [...this.#open])
      if (open.question.last < oldest && open.waiting.size === 0) this.#close(key, open, 'expired');
    for (const [key, { last }] of [...this.#folded]) if (last < oldest) this.#folded.delete(key);
  }
}

/** An AbortSignal has this form. */
export interface WaitSignal {
  readonly aborted: boolean;
  addEventListener(type: 'abort', listener: () => void): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}

/** `warning`: what to look at twice in its host. */
export function questionView(question: Question, warning: string | null) {
  return {
    ...question,
    warning,
    first: new Date(question.first).toISOString(),
    last: new Date(question.last).toISOString(),
  };
}

function keyOf(asking: Pick<Question, 'client' | 'grantClient' | 'host' | 'port'>): string {
  return `${clientKey(asking)} ${asking.host} ${asking.port}`;
}

/** By name if the configuration has one: the same client may come from many addresses. */
function clientKey({ client, grantClient }: Pick<Question, 'client' | 'grantClient'>): string {
  return grantClient ?? client.address;
}
