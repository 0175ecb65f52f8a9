/** Which functions of the package were called, by the file that they were written in: what V8 counts, through the bundle's source map. */
import { existsSync, readFileSync } from 'node:fs';
import type { Profiler } from 'node:inspector';
import { SourceMap } from 'node:module';
import { fileURLToPath } from 'node:url';

export interface Called {
  /** `proxy/door/flow.ts`. */
  readonly file: string;
  /** As V8 names it; empty for an arrow function that has no name. */
  readonly name: string;
  /** Where it begins, from 1. */
  readonly line: number;
  readonly calls: number;
}

export function callsByPlace(scripts: readonly Profiler.ScriptCoverage[]): Called[] {
  return scripts
    .filter(({ url }) => url.includes('/dist/proxy/'))
    .flatMap(({ url, functions }) => {
      const placeOf = places(fileURLToPath(url));
      return functions.flatMap(({ functionName: name, ranges: [whole] }) =>
        whole === undefined || whole.count === 0 ? [] : [{ ...placeOf(whole.startOffset), name, calls: whole.count }],
      );
    })
    .filter(({ file }) => file.startsWith('proxy/'));
}

/** From an offset in the script to the file and its line. */
function places(path: string): (offset: number) => Pick<Called, 'file' | 'line'> {
  if (!existsSync(`${path}.map`)) return () => ({ file: '', line: 0 });
  const map = new SourceMap(JSON.parse(readFileSync(`${path}.map`, 'utf8')));
  const lines = readFileSync(path, 'utf8').split('\n');
  return (offset) => {
    let [line, column] = [0, offset];
    for (; column > (lines[line]?.length ?? 0) && line < lines.length; line++) column -= (lines[line]?.length ?? 0) + 1;
    const entry = map.findEntry(line, column);
    if (!('originalSource' in entry)) return { file: '', line: 0 };
    return {
      file: entry.originalSource.replace(/^.*?(?=proxy\/|node_modules\/)/, ''),
      line: entry.originalLine + 1,
    };
  };
}
