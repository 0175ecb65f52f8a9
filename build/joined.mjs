/**
 * Joins an output of esbuild with all that it imports by statements into one file. With splitting, esbuild makes a file for each
 * set of parts that share something; most sets are loaded together in any case.
 */
import { rmSync, writeFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { build } from 'esbuild';

/**
 * `outputs`: those of the metafile that `entry` belongs to, all in one folder. What they export must have names that differ
 * only by file. Parts that are loaded later find what they share with `entry` under the old names, in files that only lead there.
 */
export async function joined(outputs, entry, options) {
  const inside = loadedWith(entry, outputs);
  const later = Object.keys(outputs).filter((file) => file.endsWith('.js') && !inside.includes(file));
  const shared = inside.filter(
    (file) => file !== entry && later.some((other) => imports(outputs[other]).includes(file)),
  );
  const names = (file) => outputs[file].exports.map((name) => [name, `${name}_${shared.indexOf(file)}`]);
  const lines = shared.map((file) => exported(names(file), file));
  await build({
    ...options,
    stdin: { contents: [`export * from './${basename(entry)}';`, ...lines].join('\n'), resolveDir: dirname(entry) },
    outfile: entry,
    allowOverwrite: true,
    external: outsideOf(inside, outputs),
  });
  for (const file of inside.filter((file) => file !== entry)) {
    rmSync(`${file}.map`);
    if (!shared.includes(file)) rmSync(file);
    else
      writeFileSync(
        file,
        exported(
          names(file).map(([name, at]) => [at, name]),
          entry,
        ),
      );
  }
}

/** The file, and what it imports by statements. */
function loadedWith(file, outputs, seen = []) {
  if (seen.includes(file)) return seen;
  seen.push(file);
  for (const path of imports(outputs[file])) loadedWith(path, outputs, seen);
  return seen;
}

function imports(output) {
  const own = output.imports.filter(({ kind, external }) => kind === 'import-statement' && external !== true);
  return own.map(({ path }) => path);
}

/** What is left as it is written: other parts, and other programs. */
function outsideOf(inside, outputs) {
  const all = inside.flatMap((file) => outputs[file].imports);
  const others = all.filter(({ kind, external }) => kind !== 'import-statement' || external === true);
  return others.map(({ path, external }) => (external === true ? path : `./${basename(path)}`));
}

function exported(names, file) {
  return `export { ${names.map(([name, as]) => `${name} as ${as}`).join(', ')} } from './${basename(file)}';\n`;
}
