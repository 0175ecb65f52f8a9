/** The configuration in force. Follows its file and SIGHUP: what is read again replaces it, or is refused as a whole. */
import { changesBetween, type ReloadState } from '../../admin/policy-changes.js';
import { policyView } from '../../admin/policy-view.js';
import type { Config } from '../../config/config.js';
import { formatConfigErrors, loadConfig } from '../../config/load.js';
import { type ConfigWatch, watchConfig } from '../../config/watch.js';
import type { Metrics } from '../../observe/metrics.js';
import type { OpenLog } from '../../observe/open-log.js';
import { changedAtStartOnly, keepAdminClosed } from './restart-keys.js';
import { saysTheSame } from './same-config.js';

/** How often the configuration file is looked at. */
const WATCH_MS = 2000;

export interface FollowedOptions {
  readonly path: string;
  /** The configuration at the start. */
  readonly config: Config;
  readonly events: OpenLog['events'];
  readonly metrics: Pick<Metrics, 'reloaded' | 'reloadFailed'>;
  /** Puts `read` in force; `shown` is the same as the admin API is to show it. */
  readonly apply: (read: Config, shown: Config) => void;
}

export class FollowedConfiguration {
  current: Config;
  clientNames: ReadonlySet<string>;
  /** Null: none yet. */
  lastReload: ReloadState | null = null;
  readonly #options: FollowedOptions;
  #lastRead: Config;
  #secretFiles: readonly string[];
  #watch: ConfigWatch | null = null;

  constructor(options: FollowedOptions) {
    const { config } = options;
    this.#options = options;
    this.current = config;
    this.clientNames = namesOf(config);
    this.#lastRead = config;
    this.#secretFiles = config.secretFiles;
  }

  /** Says what is odd about the configuration of the start, and follows its file and SIGHUP from now on. */
  start(): void {
    this.#warn();
    this.#watch = watchConfig({
      path: this.#options.path,
      others: () => this.#secretFiles,
      intervalMs: WATCH_MS,
      onChange: () => this.#read(),
    });
    process.on('SIGHUP', () => this.readAgain());
  }

  /** Reads the file now, so that the watch reports no change for what it says. */
  readAgain(): void {
    this.#watch?.seen();
    this.#read();
  }

  /** Stops following the file. */
  close(): void {
    this.#watch?.close();
  }

  #read(): void {
    const loaded = loadConfig({ path: this.#options.path, env: process.env });
    this.#secretFiles = loaded.files;
    if (!loaded.ok) {
      this.#refuse(formatConfigErrors(loaded.errors).split('\n'));
      return;
    }
    // Nothing has changed, as when a file is touched or SIGHUP comes after the watch: nothing is logged.
    if (this.lastReload?.ok !== false && saysTheSame(this.#lastRead, loaded.config)) return;
    this.#lastRead = loaded.config;
    this.#replace(loaded.config);
  }

  #refuse(errors: readonly string[]): void {
    const { events, metrics, path } = this.#options;
    metrics.reloadFailed();
    this.lastReload = { at: new Date().toISOString(), ok: false, errors, changes: [] };
    events.error(
      { event: 'reload-failed', path, errors },
      'the configuration has mistakes; the previous policy stays in force',
    );
  }

  #replace(read: Config): void {
    const { events, metrics, path, apply } = this.#options;
    const ignored = changedAtStartOnly(this.current, read);
    const before = policyView(this.current);
    this.current = keepAdminClosed(this.current, read);
    this.clientNames = namesOf(this.current);
    const changes = changesBetween(before, policyView(this.current));
    this.lastReload = { at: new Date().toISOString(), ok: true, errors: [], changes };
    apply(read, this.current);
    metrics.reloaded();
    events.info({ event: 'reloaded', path, digest: this.current.digest() }, 'the configuration is in force');
    this.#warn();
    if (ignored.length > 0)
      events.warn({ event: 'reload-partial', keys: ignored }, 'these keys take effect only after a restart');
  }

  #warn(): void {
    for (const warning of this.current.warnings)
      this.#options.events.warn({ event: 'config-warning', ...warning }, warning.message);
  }
}

function namesOf(config: Config): ReadonlySet<string> {
  return new Set(config.clients.map(({ name }) => name));
}
