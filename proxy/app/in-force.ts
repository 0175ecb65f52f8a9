/** What is in force: the configuration as it was last read, with what was decided at run time. */
import type { Config } from '../config/config.js';
import { type RunTime, withRunTime } from '../core/run-time.js';

export class InForce {
  /** With the policy as doors apply it. */
  settings: Config;
  #config: Config;
  #decided: RunTime;

  constructor(config: Config, decided: RunTime) {
    this.#config = config;
    this.#decided = decided;
    this.settings = withDecided(config, decided);
  }

  /** As it was read, whatever was decided beside it. */
  get config(): Config {
    return this.#config;
  }

  read(config: Config): void {
    this.#config = config;
    this.settings = withDecided(config, this.#decided);
  }

  decide(decided: RunTime): void {
    this.#decided = decided;
    this.settings = withDecided(this.#config, decided);
  }
}

function withDecided(config: Config, decided: RunTime): Config {
  return { ...config, policy: withRunTime(config.policy, decided) };
}
