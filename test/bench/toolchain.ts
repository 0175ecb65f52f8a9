/** What the bench is made of beside this package: its C programs, and another Node binary where one is asked for. */
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { capture } from './process.js';

export const repository = fileURLToPath(new URL('../../../', import.meta.url));
const sources = join(repository, 'test', 'bench');

export interface Programs {
  readonly load: string;
  readonly origin: string;
  readonly relay: string;
}

export async function compile(folder: string): Promise<Programs> {
  const build = async (name: string): Promise<string> => {
    const program = join(folder, name);
    await capture('cc', ['-O2', '-Wall', '-pthread', '-o', program, join(sources, `${name}.c`)]);
    return program;
  };
  return { load: await build('load'), origin: await build('origin'), relay: await build('relay') };
}

/** A path, or a major version, which is fetched from the npm registry once and kept under node_modules/.cache. */
export async function nodeBinary(wish: string | null): Promise<string> {
  if (wish === null) return process.execPath;
  if (!/^\d+$/.test(wish)) return wish;
  const folder = join(repository, 'node_modules', '.cache', 'bench', `node-${wish}`);
  const binary = join(folder, 'package', 'bin', 'node');
  if (existsSync(binary)) return binary;
  mkdirSync(folder, { recursive: true });
  const arch = process.arch === 'arm64' ? 'arm64' : 'x64';
  await capture('npm', ['pack', '--silent', `node-linux-${arch}@${wish}`], { cwd: folder });
  const archive = readdirSync(folder).find((name) => name.endsWith('.tgz'));
  if (archive === undefined) throw new Error(`npm pack left no archive of Node ${wish}`);
  await capture('tar', ['xzf', archive], { cwd: folder });
  return binary;
}

/** Also where Debian puts daemons, which is on no user's PATH. */
export function installed(command: string): string | null {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  return folders.map((folder) => join(folder, command)).find((path) => existsSync(path)) ?? null;
}
