/** Decisions while `serve` runs: the book of them, its folder and token, and the questions, wired to log and policy. */
import type { News, RunTimeControl } from '../../admin/run-time.js';
import type { App } from '../../app.js';
import type { Config } from '../../config/config.js';
import type { PolicyFile } from '../../config/policy-file.js';
import type { RunTime } from '../../core/run-time.js';
import { type Host, isPort, parseHost } from '../../core/target.js';
import { Book, type BookEvent, type Clock, WALL_CLOCK } from '../../decide/book.js';
import { type GrantDraft, grantView, pauseView } from '../../decide/grant.js';
import { type Asking, type Question, Questions, questionView } from '../../decide/questions.js';
import { type Kept, NOTHING_KEPT, readState, restrictionsOf, writeState } from '../../decide/state-file.js';
import { keptToken, openStateFolder, readToken, stateFolder } from '../../decide/state-folder.js';
import type { RunTimeGate } from '../../door/admit.js';
import type { OpenLog } from '../../observe/open-log.js';
import { createNameWarnings } from './name-warnings.js';

export interface RunTimeOptions {
  readonly path: string;
  /** The policy file, to write to. */
  readonly file: PolicyFile;
  readonly config: () => Config;
  readonly log: OpenLog['events'];
  readonly app: () => App;
  /** Reads the policy file again. */
  readonly reload: () => void;
  /** Called with each question that nobody has asked before. */
  readonly onQuestion?: (question: Question) => void;
  /** Called whenever somebody asks for what no rule names, even if that becomes no new question. */
  readonly onAsked?: (asking: Asking) => void;
  /** Replaces the real clock in tests. */
  readonly clock?: Clock;
}

export interface RunTimeService {
  readonly gate: RunTimeGate & { readonly decided: RunTime };
  readonly control: RunTimeControl;
  /** The token for changes if the configuration has none; null: it has one, or there is no admin API. */
  readonly token: string | null;
  /** To be called once the app exists. */
  start(): void;
  /** To be called when the configuration has changed. */
  reloaded(config: Config, closing: Promise<number>): void;
  close(): void;
}

export function openRunTime(options: RunTimeOptions): RunTimeService {
  const { config } = options;
  const state = openState(options);
  const news = new Newsroom();
  const closing = { last: Promise.resolve(0) };
  const endAnswered = (): void => questions.endWhere((question) => !isStillOpen(options.app(), question));
  const decided = (): void => {
    closing.last = options.app().decide(book.runTime());
    endAnswered();
  };
  const book = openBook(options, state, news, decided);
  const warning = createNameWarnings({ policy: () => config().policy, grants: () => book.grants });
  const questions = openQuestions(options, news, warning);
  return {
    token: config().listen.admin !== null && config().admin.token === null ? ownToken(options, state) : null,
    gate: gateOf(book, questions, options),
    control: {
      ...controlOf(options, state),
      book,
      questions,
      warning,
      settled: () => closing.last,
      listen: (listener) => news.listen(listener),
    },
    start: () => book.settle(config().policy),
    reloaded(changed, closed) {
      closing.last = closed;
      book.settle(changed.policy);
      endAnswered();
      news.tell({ event: 'changed', what: 'policy' });
    },
    close() {
      book.close();
      questions.close();
    },
  };
}

const NOTHING_READ = { kept: NOTHING_KEPT, broken: null };
const IN_MEMORY =
  'decisions at run time are kept in memory only and end with this process: set state.path to a folder that can be written';

interface State {
  /** Where it is kept; null: nowhere. */
  readonly folder: string | null;
  readonly kept: Kept;
  /** What is wrong, as a sentence. */
  readonly error: string | null;
}

function openState({ log, config, path }: RunTimeOptions): State {
  const configured = stateFolder(config().state, path);
  const { folder, error } = openStateFolder(configured);
  if (error !== null)
    log.warn(
      { event: 'state-unwritable', error },
      folder === null ? IN_MEMORY : 'nothing can be decided at run time until the state folder has room',
    );
  const { kept: all, broken } = configured === null ? NOTHING_READ : readState(configured, Date.now());
  // Where nothing can be written, a permission could not be used up or revoked for good; a block must not end with that.
  const kept = folder === null ? restrictionsOf(all) : all;
  if (broken !== null) {
    log.error({ event: 'state-broken', ...broken }, 'the state file is broken: the policy file alone is in force');
  }
  return { folder, kept, error: brokenText(broken) ?? error };
}

/** The one that is kept already, also in a folder that cannot be written to; else a new one, kept if that is possible. */
function ownToken({ config, path }: RunTimeOptions, { folder }: State): string {
  const configured = stateFolder(config().state, path);
  const known = configured === null ? null : readToken(configured);
  if (known !== null) return known;
  try {
    return keptToken(folder);
  } catch {
    // A full disk: that is logged with the state.
    return keptToken(null);
  }
}

function openBook(
  { log, clock = WALL_CLOCK }: RunTimeOptions,
  { folder, kept }: State,
  news: Newsroom,
  decided: () => void,
): Book {
  return new Book({
    kept,
    clock,
    write: (changed) => folder !== null && writeState(folder, changed),
    onChange(event) {
      logEvent(log, event);
      decided();
      news.tell({ event: 'changed', what: event.of === 'grant' ? 'grants' : 'pauses' });
    },
    onUnwritable: (thrown) =>
      log.warn(
        { event: 'state-unwritable', error: String(thrown) },
        'grants and pauses that have ended would come back after a restart',
      ),
  });
}

function openQuestions(
  { config, onQuestion, clock = WALL_CLOCK }: RunTimeOptions,
  news: Newsroom,
  warning: RunTimeControl['warning'],
): Questions {
  return new Questions({
    bounds: () => config().ask,
    clock,
    onQuestion(question, isNew) {
      if (isNew) onQuestion?.(question);
      news.tell({ event: 'question', json: JSON.stringify(questionView(question, warning(question.host))) });
    },
    onEnd: (id, how) => news.tell({ event: 'question-ended', json: JSON.stringify({ id, how }) }),
  });
}

function gateOf(book: Book, questions: Questions, { config, onAsked }: RunTimeOptions): RunTimeService['gate'] {
  return {
    decided: book.runTime(),
    use(id) {
      const once = book.find(id)?.once === true;
      return book.use(id) ? (once ? 'once' : 'lasting') : 'gone';
    },
    ask(asking, signal) {
      onAsked?.(asking);
      const holdMs = config().ask?.holdMs ?? 0;
      return questions.ask(asking) && holdMs > 0 ? questions.wait(asking, holdMs, signal) : null;
    },
  };
}

function controlOf({ file, config, reload, app }: RunTimeOptions, { folder, error }: State) {
  return {
    state: { path: folder, error },
    file,
    ask() {
      const { ask } = config();
      return ask === null ? null : { holdMs: ask.holdMs };
    },
    reload,
    vet: (draft: GrantDraft) => app().vet(draft),
  };
}

/** The listeners to what happens, which are the readers of the stream. */
class Newsroom {
  readonly #listeners = new Set<(news: News) => void>();

  tell(news: News): void {
    for (const listener of this.#listeners) listener(news);
  }

  /** Returns a function that ends it. */
  listen(listener: (news: News) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

function brokenText(broken: ReturnType<typeof readState>['broken']): string | null {
  if (broken === null) return null;
  const where = broken.kept === null ? 'it was left where it is' : `it was kept as ${broken.kept}`;
  return `${broken.path} was broken (${broken.error}): since then only the policy file is in force, and ${where}`;
}

/** False if something else has decided it by now. */
function isStillOpen(app: App, { client, grantClient, host, port }: Question): boolean {
  const parsed = parseHost(host.includes(':') ? `[${host}]` : host);
  if (!parsed.ok || !isPort(port)) return false;
  const known: Host = parsed.value;
  const asked = { name: grantClient, address: client.address };
  return app.wouldAsk(asked, { form: 'authority', scheme: null, host: known, port });
}

function logEvent(log: RunTimeOptions['log'], event: BookEvent): void {
  const { of, action } = event;
  if (event.of === 'grant') log.info({ event: of, action, grant: grantView(event.grant) }, `a grant was ${action}`);
  else log.info({ event: of, action, pause: pauseView(event.pause) }, `a pause was ${action}`);
}
