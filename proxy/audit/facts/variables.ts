/** Environment variables whose values may be secrets: they can be compared and measured, and have no way to be printed. DECISIONS 156. */
import { scryptSync } from 'node:crypto';
import { inspect } from 'node:util';

/** The variables that hold no secret: only these can be read as text. */
export type PlainName =
  | 'BASE_PATH'
  | 'COMPOSE_PROJECT_NAME'
  | 'DASHBOARD_TRUST_PROXY_HEADERS'
  | 'DATA_PATH'
  | 'FILESYSTEM_ROOT'
  | 'MCP_GATEWAY_SERVERS'
  | 'OPENCLAW_CONFIG_DIR'
  | 'WEBUI_AUTH';

/** A value that cannot be printed: text, JSON and `util.inspect` of it are its length. */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  get length(): number {
    return this.#value.length;
  }

  get isBlank(): boolean {
    return this.#value.trim() === '';
  }

  equals(other: Secret): boolean {
    return this.#value === other.#value;
  }

  matches(pattern: RegExp): boolean {
    return pattern.test(this.#value);
  }

  /** Slow on purpose (tens of milliseconds): a state file in the wrong hands must not give a short password away. */
  hash(salt: string): string {
    return scryptSync(this.#value, salt, 32, { N: 16_384, r: 8, p: 1 }).toString('hex');
  }

  toString(): string {
    return `(${this.length} characters)`;
  }

  toJSON(): string {
    return this.toString();
  }

  [inspect.custom](): string {
    return this.toString();
  }
}

export class Variables {
  readonly #values: ReadonlyMap<string, string>;

  /** Of two entries with the same name the last one counts, as in a process. */
  constructor(entries: Iterable<readonly [name: string, value: string]>) {
    this.#values = new Map(entries);
  }

  names(): readonly string[] {
    return [...this.#values.keys()];
  }

  secret(name: string): Secret | null {
    const value = this.#values.get(name);
    return value === undefined ? null : new Secret(value);
  }

  plain(name: PlainName): string | null {
    return this.#values.get(name) ?? null;
  }

  /** Set to something that is not blank. */
  has(name: string): boolean {
    return this.secret(name)?.isBlank === false;
  }
}

export const NO_VARIABLES = new Variables([]);

/** Names that are given to secrets. A `*_FILE` is a path, and a public key is public. */
export function isSecretName(name: string): boolean {
  return /(?:^|_)(?:TOKEN|PASSWORD|KEY|SECRET)$/i.test(name) && !/PUBLIC_KEY$/i.test(name);
}
