/** The files of this repository, found without git: whoever downloads an archive of it has no `.git`, and perhaps no git. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const IGNORED = readFileSync(join(ROOT, '.gitignore'), 'utf8').trim().split('\n');

/** Paths from the root, with `/`, in order: those below `folder` whose names match, without what `.gitignore` names. */
export function repositoryFiles(named: RegExp, folder = ''): string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true })
    .filter((entry) => entry.name !== '.git' && !isIgnored(entry.name, entry.isDirectory()))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = `${folder}${entry.name}`;
      if (entry.isDirectory()) return repositoryFiles(named, `${path}/`);
      return named.test(path) ? [path] : [];
    });
}

/** Of the forms of `.gitignore`, those that ours has: `folder/` and `*.ending`. */
function isIgnored(name: string, isFolder: boolean): boolean {
  return IGNORED.some((pattern) => {
    if (/^[\w.-]+\/$/.test(pattern)) return isFolder && pattern === `${name}/`;
    if (/^\*\.\w+$/.test(pattern)) return name.endsWith(pattern.slice(1));
    throw new Error(`.gitignore: ${pattern}: this form is not known here`);
  });
}
