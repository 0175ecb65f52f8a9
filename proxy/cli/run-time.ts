/** What is decided while `serve` runs: the book, its folder and its token, and the questions, wired to log and policy. */
import type { News, RunTimeControl } from '../admin/run-time.js';
import type { App } from '../app.js';
import type { Config } from '../config/config.js';
import { policyFile } from '../config/policy-file.js';
import type { RunTime } from '../core/run-time.js';
import { type Host, isPort, parseHost } from '../core/target.js';
import { Book, type BookEvent, WALL_CLOCK } from '../decide/book.js';
import { grantView, pauseView } from '../decide/grant.js';
import { type Question, Questions, questionView } from '../decide/questions.js';
import { type Kept, NOTHING_KEPT, readState, writeState } from '../decide/state-file.js';
import { keptToken, openStateFolder, stateFolder } from '../decide/state-folder.js';
import type { RunTimeGate } from '../door/admit-or-ask.js';
import type { OpenLog } from '../observe/open-log.js';

export interface RunTimeOptions {
  readonly path: string;
  readonly config: () => Config;
  readonly log: OpenLog['events'];
  readonly app: () => App;
  /** Reads the policy file again. */
  readonly reload: () => void;
  /** A question that nobody has asked before. */
  readonly onQuestion: (question: Question) => void;
}

export interface RunTimeService {
  readonly gate: RunTimeGate & { readonly decided: RunTime };
  readonly control: RunTimeControl;
  /** What writing needs where the configuration has no token; null: it has one, or there is no admin API. */
  readonly token: string | null;
  /** The app is there. */
  start(): void;
  /** The configuration has changed. */
  reloaded(config: Config, closing: Promise<number>): void;
  close(): void;
}

export function openRunTime(options: RunTimeOptions): RunTimeService {
  const { log, config } = options;
  const { folder, error } = openStateFolder(stateFolder(config().state, options.path));
  if (error !== null) log.warn({ event: 'state-unwritable', error }, 'grants end with this process');
  const found = folder === null ? { kept: NOTHING_KEPT, broken: null } : readState(folder, Date.now());
  if (found.broken !== null) {
    log.error(
      { event: 'state-broken', ...found.broken },
      'the state file is broken: the policy file alone is in force',
    );
  }
  const listeners = new Set<(news: News) => void>();
  const tell = (news: News): void => {
    for (const listener of listeners) listener(news);
  };
  let closing = Promise.resolve(0);
  const decide = (): void => {
    closing = options.app().decide(book.runTime());
    questions.endWhere((question) => !isStillOpen(options.app(), question));
  };
  const book = new Book({
    kept: found.kept,
    clock: WALL_CLOCK,
    write: (kept: Kept) => folder !== null && writeState(folder, kept),
    onChange(event) {
      logEvent(log, event);
      decide();
      tell({ event: 'changed', what: event.of === 'grant' ? 'grants' : 'pauses' });
    },
    onUnwritable: (thrown) =>
      log.warn({ event: 'state-unwritable', error: String(thrown) }, 'what has ended would be back after a restart'),
  });
  const questions = new Questions({
    bounds: () => config().ask,
    clock: WALL_CLOCK,
    onQuestion(question, isNew) {
      if (isNew) options.onQuestion(question);
      tell({ event: 'question', json: JSON.stringify(questionView(question)) });
    },
    onEnd: (id, how) => tell({ event: 'question-ended', json: JSON.stringify({ id, how }) }),
  });
  const needsToken = config().listen.admin !== null && config().admin.token === null;
  return {
    token: needsToken ? keptToken(folder) : null,
    gate: {
      decided: book.runTime(),
      use(id) {
        const once = book.find(id)?.once === true;
        return book.use(id) ? (once ? 'once' : 'lasting') : 'gone';
      },
      ask(asking, signal) {
        const holdMs = config().ask?.holdMs ?? 0;
        return questions.ask(asking) && holdMs > 0 ? questions.wait(asking, holdMs, signal) : null;
      },
    },
    control: {
      book,
      questions,
      state: { path: folder, error: brokenText(found.broken) ?? error },
      file: policyFile(options.path, process.env),
      ask: () => {
        const ask = config().ask;
        return ask === null ? null : { holdMs: ask.holdMs };
      },
      reload: options.reload,
      vet: (draft) => options.app().vet(draft),
      settled: () => closing,
      listen(listener) {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    },
    start: () => book.settle(config().policy),
    reloaded(changed, closed) {
      closing = closed;
      book.settle(changed.policy);
      questions.endWhere((question) => !isStillOpen(options.app(), question));
      tell({ event: 'changed', what: 'policy' });
    },
    close() {
      book.close();
      questions.close();
    },
  };
}

function brokenText(broken: ReturnType<typeof readState>['broken']): string | null {
  if (broken === null) return null;
  const where = broken.kept === null ? 'it is where it was' : `it is kept as ${broken.kept}`;
  return `${broken.path} was broken (${broken.error}): the policy file alone was in force, and ${where}`;
}

/** What was decided otherwise is no question any more. */
function isStillOpen(app: App, { grantClient, host, port }: Question): boolean {
  const parsed = parseHost(host.includes(':') ? `[${host}]` : host);
  if (!parsed.ok || !isPort(port)) return false;
  const known: Host = parsed.value;
  return app.wouldAsk(grantClient, { form: 'authority', scheme: null, host: known, port });
}

function logEvent(log: RunTimeOptions['log'], event: BookEvent): void {
  const { of, action } = event;
  if (event.of === 'grant') log.info({ event: of, action, grant: grantView(event.grant) }, `a grant is ${action}`);
  else log.info({ event: of, action, pause: pauseView(event.pause) }, `a pause is ${action}`);
}
