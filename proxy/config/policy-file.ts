/** The policy file as it is written to while the proxy runs: one rule in or out, checked before it takes the file's place. */
import { accessSync, chmodSync, constants, readFileSync, realpathSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Policy } from '../core/policy.js';
import type { Environment } from './interpolate.js';
import { type LoadResult, loadConfig } from './load.js';
import { syncFolder, writeWhole } from './replace-file.js';
import { type RuleLine, withoutRuleLine, withRuleLine } from './rule-line.js';

/** `explanation`: why the file is as it was. */
export type FileChange = { readonly applied: true } | { readonly applied: false; readonly explanation: string };

export interface PolicyFile {
  readonly path: string;
  isWritable(): boolean;
  add(line: RuleLine): FileChange;
  remove(line: RuleLine): FileChange;
}

export function policyFile(path: string, env: Environment): PolicyFile {
  return {
    path,
    isWritable: () => isWritable(path),
    add: (line) => change(path, env, line, 'add'),
    remove: (line) => change(path, env, line, 'remove'),
  };
}

/** For the file that is shipped with the program, which is never written to: the next version brings another one. */
export function shippedPolicyFile(path: string): PolicyFile {
  const refused = no(
    'This policy file came with the program, and the next version replaces it: copy it, start with --config and the copy, and lines are written there.',
  );
  return { path, isWritable: () => false, add: () => refused, remove: () => refused };
}

/** The folder as well: a file that is mounted by itself cannot be replaced. */
function isWritable(path: string): boolean {
  try {
    const real = realpathSync(path);
    accessSync(dirname(real), constants.W_OK);
    accessSync(real, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** Never throws. */
function change(path: string, env: Environment, line: RuleLine, what: 'add' | 'remove'): FileChange {
  if (!isWritable(path)) return no('The proxy cannot write to the policy file.');
  try {
    return replaced(realpathSync(path), env, line, what);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? ` (${error.code})` : '';
    return no(`The policy file cannot be replaced${code}.`);
  }
}

function replaced(path: string, env: Environment, line: RuleLine, what: 'add' | 'remove'): FileChange {
  const before = loadConfig({ path, env });
  if (!before.ok) return no('The policy file has mistakes: see "egress-proxy validate".');
  const text = utf8(readFileSync(path));
  if (text === null) return no('The policy file is not in UTF-8.');
  const changed = what === 'add' ? withRuleLine(text, line) : withoutRuleLine(text, line);
  if (changed === null) {
    return no(
      what === 'add'
        ? 'The policy file is written in a form that only a person can add to.'
        : 'The line in the policy file has been changed since it was written.',
    );
  }
  const { mode, uid, gid } = statSync(path);
  // In the same folder: relative paths in it start there.
  const beside = join(dirname(path), `.${basename(path)}.new`);
  try {
    writeWhole(beside, changed, mode & 0o777);
    const mine = statSync(beside);
    if (mine.uid !== uid || mine.gid !== gid) return no('The policy file belongs to another user.');
    // A umask takes bits away from a new file.
    if (mine.mode !== mode) chmodSync(beside, mode & 0o777);
    if (!differsByOne(before, loadConfig({ path: beside, env }), line, what))
      return no('The line would also change other things in the policy file.');
    renameSync(beside, path);
    syncFolder(path);
    return { applied: true };
  } finally {
    rmSync(beside, { force: true });
  }
}

/** One rule more or less in its list, and everything else as it was. */
function differsByOne(before: LoadResult, after: LoadResult, { section }: RuleLine, what: 'add' | 'remove'): boolean {
  if (!before.ok || !after.ok) return false;
  const by = what === 'add' ? 1 : -1;
  const counts = ({ allow, deny, internal }: Policy) => ({
    allow: allow.length,
    deny: deny.length,
    internal: internal.length,
  });
  const expected = { ...counts(before.config.policy), [section]: before.config.policy[section].length + by };
  const rest = ({ policy, ...config }: typeof before.config) =>
    JSON.stringify({
      ...config,
      digest: null,
      warnings: null,
      policy: { ...policy, allow: 0, deny: 0, internal: 0, perClient: [...policy.perClient.keys()] },
    });
  return (
    JSON.stringify(counts(after.config.policy)) === JSON.stringify(expected) &&
    rest(before.config) === rest(after.config)
  );
}

function utf8(bytes: Uint8Array): string | null {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    return text.startsWith('\ufeff') ? null : text;
  } catch {
    return null;
  }
}

function no(explanation: string): FileChange {
  return { applied: false, explanation };
}
