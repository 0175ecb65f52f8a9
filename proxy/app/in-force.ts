/** The configuration in force: as it was last read, with what was decided at run time. */
import type { Config, InForce } from '../config/config.js';
import { type RunTime, withRunTime } from '../core/run-time.js';

export class ConfigurationInForce implements InForce {
  /** The configuration with the policy as doors apply it. */
  settings: Config;
  #config: Config;
  #decided: RunTime;

  constructor(config: Config, decided: RunTime) {
    this.#config = config;
    this.#decided = decided;
    this.settings = withDecided(config, decided);
  }

  /** The configuration as it was read, without decisions at run time. */
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
