/** The notices of `serve`, wired to the configuration in force, the app's way out, the log and the metrics. */
import type { App } from '../../app.js';
import type { Config } from '../../config/config.js';
import { authorityText } from '../../core/target.js';
import { Notices } from '../../notify/notices.js';
import { instanceName } from '../../observe/instance.js';
import { both } from '../../observe/observe.js';
import type { DecisionSink, Records } from '../../observe/record.js';
import type { Observation } from './observation.js';

export interface NotifierOptions {
  readonly observation: Pick<Observation, 'log' | 'metrics' | 'ring'>;
  readonly config: () => Config;
  readonly clientNames: () => ReadonlySet<string>;
  readonly warning: (host: string) => string | null;
  readonly app: () => App;
}

/** The most time for one attempt, from DNS to the end of the answer. */
const TIMEOUT_MS = 10_000;

/** A contact that the log of an earlier run shows is not a first one. `config`: the one at the start. */
export function openNotices(
  config: Config,
  { observation, config: current, clientNames, warning, app }: NotifierOptions,
): Notices {
  const { log, metrics, ring } = observation;
  const to = (): string | null => {
    const { notify } = current();
    return notify === null ? null : authorityText(notify.to.target);
  };
  const notices = new Notices({
    settings: () => current().notify,
    machine: instanceName(process.env),
    clients: clientNames,
    warning,
    post: (settings, body) =>
      app().post({
        sender: 'notify',
        to: settings.to,
        contentType: 'application/json',
        body,
        timeoutMs: TIMEOUT_MS,
      }),
    count: metrics.notice,
    onFailing: (why) =>
      log.events.warn(
        { event: 'notify-failed', to: to(), why },
        'a notice did not arrive; not repeated until one does',
      ),
    onWorking: (missed) => log.events.info({ event: 'notify-works', to: to(), missed }, 'notices arrive again'),
  });
  if (config.notify !== null) for (const { record } of ring.since('')) notices.known(record);
  return notices;
}

/** Where the doors leave their records. The notices see them only while there is a receiver: no request pays for none. */
export class NoticedRecords implements Records {
  sink: DecisionSink;
  readonly #observed: DecisionSink;
  readonly #notices: DecisionSink;

  constructor(observed: DecisionSink, notices: DecisionSink, config: Config) {
    this.#observed = observed;
    this.#notices = notices;
    this.sink = this.#sinkOf(config);
  }

  /** To be called with each configuration that comes into force. */
  follow(config: Config): void {
    this.sink = this.#sinkOf(config);
  }

  #sinkOf({ notify }: Config): DecisionSink {
    return notify === null ? this.#observed : both(this.#observed, this.#notices);
  }
}
