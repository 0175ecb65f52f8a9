/**
 * The file in which grants and pauses survive a restart. It is replaced as a whole: whenever the process dies, the file
 * is the old one or the new one.
 */
import { readFileSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { replaceFile } from '../config/replace-file.js';
import { Fields } from './fields.js';
import { type Grant, grantView, type Pause, pauseView } from './grant.js';

export interface Kept {
  readonly grants: readonly Grant[];
  readonly pauses: readonly Pause[];
}

export const NOTHING_KEPT: Kept = Object.freeze({ grants: [], pauses: [] });

/** A broken state file: what is wrong with it, and where it is now; null if it could not be moved. */
export interface Broken {
  readonly path: string;
  readonly error: string;
  readonly kept: string | null;
}

/** More than the maximum number of grants with the longest texts needs. */
const MOST_BYTES = 2 * 1024 * 1024;
const NAME = 'grants.json';

/** What the folder holds; nothing if the file is broken, which is then set aside as it is. Never throws. */
export function readState(folder: string, now: number): { readonly kept: Kept; readonly broken: Broken | null } {
  const path = join(folder, NAME);
  try {
    if (statSync(path).size > MOST_BYTES) throw new Error(`it is larger than ${MOST_BYTES} bytes`);
    return { kept: parseState(readFileSync(path, 'utf8')), broken: null };
  } catch (error) {
    if (isMissing(error)) return { kept: NOTHING_KEPT, broken: null };
    const message = error instanceof Error ? error.message : String(error);
    return { kept: NOTHING_KEPT, broken: { path, error: message, kept: putAside(path, now) } };
  }
}

/** Throws if the folder cannot be written to; the old file then remains. */
export function writeState(folder: string, { grants, pauses }: Kept): void {
  const text = JSON.stringify({ version: 1, grants: grants.map(grantView), pauses: pauses.map(pauseView) }, null, 1);
  replaceFile(join(folder, NAME), `${text}\n`, 0o600);
}

/** What refuses. */
export function restrictionsOf({ grants, pauses }: Kept): Kept {
  return {
    grants: grants.filter(({ effect }) => effect === 'block'),
    pauses: pauses.filter(({ mode }) => mode === 'refuse'),
  };
}

/** Throws an Error that says what is wrong. A grant that cannot be read may have been a block, so it is all or nothing. */
export function parseState(text: string): Kept {
  const root: unknown = JSON.parse(text);
  const version = member(root, 'version');
  if (version !== 1)
    throw new Error(`its version is ${JSON.stringify(version)?.slice(0, 20)}, and this program reads 1`);
  return {
    grants: itemsOf(root, 'grants').map(readGrant),
    pauses: itemsOf(root, 'pauses').map(readPause),
  };
}

const GRANT_KEYS =
  'id effect client clientAddress host address ports internal addresses once created expires by why from inFile section line'.split(
    ' ',
  );

function readGrant(item: unknown, index: number): Grant {
  const fields = new Fields(item, GRANT_KEYS);
  const place = fields.place(member(item, 'host') === null ? 'address' : 'host');
  const effect = fields.required('effect', fields.word('effect', ['allow', 'block']), 'allow or block');
  const id = fields.required('id', fields.text('id', 32), 'an id');
  const addresses = fields.addresses('addresses');
  const clientAddress = fields.text('clientAddress', 64);
  const grant = {
    client: fields.clientName('client'),
    ports: fields.ports('ports'),
    internal: fields.flag('internal'),
    ...(clientAddress === null ? {} : { clientAddress }),
    once: fields.flag('once'),
    inFile: fields.flag('inFile'),
    ...times(fields, item),
    by: fields.text('by', 64) ?? 'unknown',
    why: fields.text('why', 200),
    from: fields.text('from', 64),
  };
  const [error] = fields.errors;
  if (error !== undefined || place === null || effect === null || id === null)
    throw new Error(`grants[${index}].${error?.path}: got ${error?.value}, expected ${error?.expected}`);
  return { id, effect, ...place, ...grant, ...confirmedAt({ ...place, ...grant, addresses }) };
}

/**
 * Files of earlier versions have no addresses: nobody has confirmed any, so the name opens nothing until somebody does. What the
 * policy file has as a rule is as wide as that rule.
 */
function confirmedAt(
  grant: Pick<Grant, 'host' | 'internal' | 'inFile'> & { readonly addresses: Grant['addresses'] | null },
) {
  const { host, internal, inFile, addresses } = grant;
  if (host === null || !internal || (inFile && addresses === null)) return {};
  return { addresses: addresses ?? [] };
}

function readPause(item: unknown, index: number): Pause {
  const fields = new Fields(item, 'client mode created expires by why'.split(' '));
  const mode = fields.required('mode', fields.word('mode', ['refuse', 'report']), 'refuse or report');
  const client = fields.clientName('client');
  const rest = { ...times(fields, item), by: fields.text('by', 64) ?? 'unknown', why: fields.text('why', 200) };
  const [error] = fields.errors;
  if (error !== undefined || mode === null)
    throw new Error(`pauses[${index}].${error?.path}: got ${error?.value}, expected ${error?.expected}`);
  return { mode, client, ...rest };
}

function times(fields: Fields, item: unknown): { readonly created: number; readonly expires: number | null } {
  const [created, expires] = [timeOf(item, 'created'), timeOf(item, 'expires')];
  if (Number.isNaN(created) || created === null) fields.wrong('created', 'a time');
  if (Number.isNaN(expires)) fields.wrong('expires', 'a time, or null');
  return { created: created ?? 0, expires };
}

function timeOf(item: unknown, key: string): number | null {
  const value = member(item, key);
  return value === null ? null : typeof value === 'string' ? Date.parse(value) : Number.NaN;
}

function itemsOf(root: unknown, key: string): readonly unknown[] {
  const value = member(root, key);
  if (!Array.isArray(value)) throw new Error(`${key} is no list`);
  return value;
}

function member(value: unknown, key: string): unknown {
  if (typeof value !== 'object' || value === null) throw new Error('it holds no mapping');
  return Object.getOwnPropertyDescriptor(value, key)?.value ?? null;
}

function putAside(path: string, now: number): string | null {
  const aside = `${path}.broken-${new Date(now).toISOString().replace(/[:.]/g, '')}`;
  try {
    renameSync(path, aside);
    return aside;
  } catch {
    return null;
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
