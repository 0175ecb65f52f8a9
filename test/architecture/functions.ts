/** Every function of TypeScript sources with its length, by the parser of the compiler: no form of one hides. */

import type { Node } from 'typescript/unstable/ast';
import { isFunctionLikeDeclaration } from 'typescript/unstable/ast/is';
import { createVirtualFileSystem } from 'typescript/unstable/fs';
import { API } from 'typescript/unstable/sync';
import type { Source } from './rules.js';

export interface MeasuredFunction {
  readonly path: string;
  /** Of its beginning, counted from 1. */
  readonly line: number;
  /** From its beginning to its closing brace. */
  readonly lines: number;
  /** Empty for one without. */
  readonly name: string;
}

/** Outside any real folder: nothing is read but the sources. */
const FOLDER = '/sources/';

/** In the order of the sources and their text, those inside others included. */
export function functionsIn(sources: readonly Source[]): MeasuredFunction[] {
  const config = {
    compilerOptions: { noLib: true, noResolve: true, types: [] },
    files: sources.map(({ path }) => path),
  };
  const files = Object.fromEntries(sources.map(({ path, text }) => [`${FOLDER}${path}`, text]));
  const fs = createVirtualFileSystem({ ...files, [`${FOLDER}tsconfig.json`]: JSON.stringify(config) });
  const api = new API({ cwd: FOLDER, fs });
  try {
    const [project] = api.updateSnapshot({ openProject: `${FOLDER}tsconfig.json` }).getProjects();
    return sources.flatMap((source) => {
      const file = project?.program.getSourceFile(`${FOLDER}${source.path}`);
      if (file === undefined) throw new Error(`${source.path} was not parsed`);
      return measured(source, file);
    });
  } finally {
    api.close();
  }
}

function measured({ path, text }: Source, file: Node): MeasuredFunction[] {
  const found: MeasuredFunction[] = [];
  const visit = (node: Node): void => {
    if (isFunctionLikeDeclaration(node) && 'body' in node && node.body !== undefined) {
      const begin = node.getStart();
      const line = lineAt(text, begin);
      const name = 'name' in node ? text.slice(node.name?.getStart(), node.name?.end) : '';
      found.push({ path, line, lines: lineAt(text, node.end) - line + 1, name });
    }
    node.forEachChild(visit);
  };
  visit(file);
  return found;
}

function lineAt(text: string, position: number): number {
  return text.slice(0, position).split('\n').length;
}
