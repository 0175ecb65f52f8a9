/** The grants and pauses in force: made, ended in time, kept, and never more than a bounded number. */
import { randomBytes } from 'node:crypto';
import { uptime } from 'node:os';
import type { Policy } from '../core/policy.js';
import { isInFile, type RunTime } from '../core/run-time.js';
import { type Clocks, EndTimes } from './end-times.js';
import type { Deciding, Grant, GrantDraft, Pause, PauseDraft } from './grant.js';
import type { Kept } from './state-file.js';

export const MOST_GRANTS = 500;
const MOST_PAUSES = 500;
/** An unused grant for one request ends after this long. */
const ONCE_MS = 3_600_000;
/** Times are wall-clock times, the clock may be set, and a machine may sleep: so it looks, instead of setting one timer. */
const LOOK_MS = 500;

export interface Clock extends Clocks {
  /** Calls back once; returns a function that cancels. Keeps no process alive. */
  after(ms: number, then: () => void): () => void;
}

export const WALL_CLOCK: Clock = {
  now: () => Date.now(),
  steady: () => uptime() * 1000,
  after: (ms, then) => {
    const timer = setTimeout(then, ms).unref();
    return () => clearTimeout(timer);
  },
};

/** What has become of a grant or a pause. */
export type BookEvent =
  | { readonly of: 'grant'; readonly action: 'made' | 'revoked' | 'ended' | 'used' | 'in-file'; readonly grant: Grant }
  | { readonly of: 'pause'; readonly action: 'made' | 'ended'; readonly pause: Pause };

export interface BookOptions {
  readonly kept: Kept;
  readonly clock: Clock;
  /** Throws if the state cannot be written. */
  readonly write: (kept: Kept) => void;
  /** Called after each change, once it is written. */
  readonly onChange: (event: BookEvent) => void;
  /** Something has ended, but that could not be written: after a restart it would be in force again. */
  readonly onUnwritable: (error: unknown) => void;
}

/** `too-many`: revoke one first. `state-unwritable`: nothing was changed. */
export class BookError extends Error {
  readonly token: 'too-many' | 'state-unwritable';
  constructor(token: BookError['token'], message: string) {
    super(message);
    this.token = token;
  }
}

export class Book {
  #kept: Kept;
  readonly #options: BookOptions;
  readonly #ends: EndTimes;
  #cancel: (() => void) | null = null;

  constructor(options: BookOptions) {
    this.#options = options;
    this.#ends = new EndTimes(options.clock);
    const now = options.clock.now();
    const isOpen = ({ expires }: Grant | Pause): boolean => expires === null || expires > now;
    this.#kept = {
      ...options.kept,
      grants: options.kept.grants.filter(isOpen),
      pauses: options.kept.pauses.filter(isOpen),
    };
    this.#schedule();
  }

  get grants(): readonly Grant[] {
    return this.#kept.grants;
  }

  get pauses(): readonly Pause[] {
    return this.#kept.pauses;
  }

  /** For the policy: without the grants that the policy file already has as rules. */
  runTime(): RunTime {
    return { grants: this.#kept.grants.filter(({ inFile }) => !inFile), pauses: this.#kept.pauses };
  }

  find(id: string): Grant | null {
    return this.#kept.grants.find((grant) => grant.id === id) ?? null;
  }

  /** In force when it returns; replaces a grant for the same thing. Throws a BookError. */
  grant(draft: GrantDraft, deciding: Deciding): Grant {
    const now = this.#options.clock.now();
    const { forMs, ...rule } = draft;
    const lastsMs = forMs ?? (rule.once ? ONCE_MS : null);
    const expires = lastsMs === null ? null : now + lastsMs;
    const id = randomBytes(6).toString('hex');
    const grant: Grant = { id, ...rule, created: now, expires, ...deciding, inFile: false };
    const others = this.#kept.grants.filter((other) => !isSame(other, grant));
    if (others.length >= MOST_GRANTS)
      throw new BookError(
        'too-many',
        `There are ${MOST_GRANTS} grants already: revoke one, or write the rule into the policy file.`,
      );
    this.#keep({ ...this.#kept, grants: [...others, grant] });
    this.#report({ of: 'grant', action: 'made', grant });
    return grant;
  }

  /** Null: there is no such grant. Throws a BookError. */
  revoke(id: string): Grant | null {
    const grant = this.find(id);
    if (grant === null) return null;
    this.#keep({ ...this.#kept, grants: this.#kept.grants.filter((other) => other !== grant) });
    this.#report({ of: 'grant', action: 'revoked', grant });
    return grant;
  }

  /** Uses up the grant's one request; false if it is used up already, or the grant has ended. */
  use(id: string): boolean {
    const grant = this.find(id);
    if (grant === null) return false;
    if (!grant.once) return true;
    this.#end({ ...this.#kept, grants: this.#kept.grants.filter((other) => other !== grant) });
    this.#report({ of: 'grant', action: 'used', grant });
    return true;
  }

  /** Replaces a pause of the same client. Throws a BookError. */
  pause({ client, mode, forMs }: PauseDraft, deciding: Deciding): Pause {
    const now = this.#options.clock.now();
    const pause: Pause = { client, mode, created: now, expires: forMs === null ? null : now + forMs, ...deciding };
    const others = this.#kept.pauses.filter((other) => other.client !== client);
    if (others.length >= MOST_PAUSES)
      throw new BookError('too-many', `There are ${MOST_PAUSES} pauses already: resume one.`);
    this.#keep({ ...this.#kept, pauses: [...others, pause] });
    this.#report({ of: 'pause', action: 'made', pause });
    return pause;
  }

  /** Ends the pause of this client, or the one of all (null). Throws a BookError. */
  resume(client: string | null): readonly Pause[] {
    const ended = this.#kept.pauses.filter((pause) => pause.client === client);
    if (ended.length === 0) return ended;
    this.#keep({ ...this.#kept, pauses: this.#kept.pauses.filter((pause) => pause.client !== client) });
    for (const pause of ended) this.#report({ of: 'pause', action: 'ended', pause });
    return ended;
  }

  /**
   * The file's policy is now this one. A permanent grant that the file has as a rule belongs to the file from then on:
   * when the rule is taken out, the grant ends with it.
   */
  settle(policy: Policy): void {
    for (const grant of this.#kept.grants) {
      const isThere = grant.expires === null && isInFile(policy, grant);
      if (isThere === grant.inFile) continue;
      const settled = { ...grant, inFile: true };
      const grants = this.#kept.grants.flatMap((other) => (other !== grant ? [other] : isThere ? [settled] : []));
      this.#end({ ...this.#kept, grants });
      this.#report({ of: 'grant', action: isThere ? 'in-file' : 'ended', grant: settled });
    }
  }

  /** Nothing ends, and nothing is written, after this. */
  close(): void {
    this.#cancel?.();
    this.#cancel = null;
  }

  /** Written to disk first, then in force. */
  #keep(kept: Kept): void {
    try {
      this.#options.write(kept);
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? ` (${error.code})` : '';
      throw new BookError('state-unwritable', `The state file cannot be written${code}: nothing was changed.`);
    }
    this.#kept = kept;
    this.#schedule();
  }

  /** A grant or pause whose time is over ends even if that cannot be written. */
  #end(kept: Kept): void {
    this.#kept = kept;
    try {
      this.#options.write(kept);
    } catch (error) {
      this.#options.onUnwritable(error);
    }
    this.#schedule();
  }

  #report(event: BookEvent): void {
    this.#options.onChange(event);
  }

  /** Where the wall clock was set meanwhile. */
  #putRight(): void {
    const { grants, pauses } = this.#kept;
    const put = {
      grants: grants.map((grant) => this.#ends.put(grant)),
      pauses: pauses.map((pause) => this.#ends.put(pause)),
    };
    const isOther = (item: Grant | Pause, i: number): boolean => item !== [...grants, ...pauses][i];
    if ([...put.grants, ...put.pauses].some(isOther)) this.#end({ ...this.#kept, ...put });
  }

  #schedule(): void {
    this.#cancel?.();
    for (const item of [...this.#kept.grants, ...this.#kept.pauses]) this.#ends.put(item);
    const times = [...this.#kept.grants, ...this.#kept.pauses].flatMap(({ expires }) => expires ?? []);
    if (times.length === 0) {
      this.#cancel = null;
      return;
    }
    const inMs = Math.min(...times) - this.#options.clock.now();
    this.#cancel = this.#options.clock.after(Math.max(0, Math.min(inMs, LOOK_MS)), () => this.#look());
  }

  #look(): void {
    this.#putRight();
    const now = this.#options.clock.now();
    const isOver = ({ expires }: Grant | Pause): boolean => expires !== null && expires <= now;
    const { grants, pauses } = this.#kept;
    const ended = { grants: grants.filter(isOver), pauses: pauses.filter(isOver) };
    if (ended.grants.length + ended.pauses.length === 0) {
      this.#schedule();
      return;
    }
    const isOpen = (item: Grant | Pause): boolean => !isOver(item);
    this.#end({ ...this.#kept, grants: grants.filter(isOpen), pauses: pauses.filter(isOpen) });
    for (const grant of ended.grants) this.#report({ of: 'grant', action: 'ended', grant });
    for (const pause of ended.pauses) this.#report({ of: 'pause', action: 'ended', pause });
  }
}

function isSame(a: Grant, b: Grant): boolean {
  const key = ({ effect, client, clientAddress, host, address, ports }: Grant): string =>
    JSON.stringify([effect, client, clientAddress, host?.text, address?.text, ports]);
  return key(a) === key(b);
}
