/** When each secret was first seen as it is: a state file of salted hashes, which holds no secret. */
import { randomBytes } from 'node:crypto';
import { renameSync, writeFileSync } from 'node:fs';
import { AuditError } from './audit-error.js';
import { codeOf, readIfThere } from './bounded-read.js';
import { entries, field, type Json, parseJson, text } from './json.js';
import { isSecretName, type Variables } from './variables.js';

const DAY_MS = 86_400_000;
const MOST_BYTES = 1024 * 1024;

interface Seen {
  readonly hash: string;
  /** ISO 8601. */
  readonly since: string;
}

export interface State {
  readonly salt: string;
  readonly seen: ReadonlyMap<string, Seen>;
}

/** A new state where there is no such file. */
export function readState(path: string): State {
  const stored = readIfThere(path, MOST_BYTES);
  if (stored === null) return { salt: randomBytes(16).toString('hex'), seen: new Map() };
  const root = parseJson(stored, JSON.stringify(path));
  const salt = text(field(root, 'salt'));
  if (field(root, 'version') !== 1 || salt === null || !/^[0-9a-f]{32}$/.test(salt)) {
    throw new AuditError(`${JSON.stringify(path)} is not a state file of this audit`);
  }
  return { salt, seen: new Map(entries(field(root, 'secrets')).flatMap(([name, value]) => seenOf(name, value))) };
}

function seenOf(name: string, value: Json): (readonly [string, Seen])[] {
  const [hash, since] = [text(field(value, 'hash')), text(field(value, 'since'))];
  return hash === null || since === null || Number.isNaN(Date.parse(since)) ? [] : [[name, { hash, since }]];
}

/** The state with what the file holds now: what has changed is new today, what is gone is forgotten. */
export function nextState(state: State, variables: Variables, now: Date): State {
  const names = variables.names().filter((name) => isSecretName(name) && variables.has(name));
  const seen = names.map((name): readonly [string, Seen] => {
    const hash = variables.secret(name)?.hash(`${state.salt}${name}`) ?? '';
    const before = state.seen.get(name);
    return [name, before?.hash === hash ? before : { hash, since: now.toISOString() }];
  });
  return { salt: state.salt, seen: new Map(seen) };
}

/** Whole days since each secret was first seen as it is. */
export function agesOf(state: State, now: Date): ReadonlyMap<string, number> {
  const days = ({ since }: Seen): number => Math.floor((now.getTime() - Date.parse(since)) / DAY_MS);
  return new Map([...state.seen].map(([name, seen]) => [name, days(seen)]));
}

/** Replaces the file as a whole, for its owner only. */
export function writeState(path: string, state: State): void {
  const text = JSON.stringify({ version: 1, salt: state.salt, secrets: Object.fromEntries(state.seen) }, null, 2);
  try {
    writeFileSync(`${path}.new`, `${text}\n`, { mode: 0o600 });
    renameSync(`${path}.new`, path);
  } catch (error) {
    throw new AuditError(`${JSON.stringify(path)} cannot be written (${codeOf(error)})`);
  }
}
