/**
 * `npm run bundle`: the program as few files. Loading hundreds of small ones takes half of a start, and a bundle holds only what
 * is imported. DECISIONS 3 and 4.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { build, transform } from 'esbuild';
import { builtins, standIns } from './bundle-plugins.mjs';
import { joined } from './joined.mjs';

const OUT = 'dist/proxy';
const CHUNKS = `${OUT}/chunks`;
/** The oldest Node that can report in one sentence that it is too old: it has to parse the file that does so. DECISIONS 245. */
const OLDEST_PARSER = 'node12.20';

/** Packages in CommonJS call require, which a module does not have. */
const BANNER = {
  js: "import{createRequire as makeRequire}from'node:module';const require=makeRequire(import.meta.url);",
};

const OPTIONS = {
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  // Identifiers stay, because a stack trace in the log has to name our functions.
  minifyWhitespace: true,
  minifySyntax: true,
  sourcemap: true,
  logLevel: 'warning',
};

function parts(entryPoints, outdir, more, elsewhere) {
  return build({
    ...OPTIONS,
    entryPoints,
    outdir,
    // What is loaded only when it is needed is a file of its own, so that the proxy's doors open before.
    splitting: true,
    ...more,
    // What went in and from where, for the SBOM.
    metafile: true,
    plugins: [elsewhere, builtins, standIns],
    // Each of these files says what it keeps from being loaded.
    alias: {
      'node:http': './build/http.cjs',
      http: './build/http.cjs',
      'node:http2': './build/http2.cjs',
      'node:https': './build/https.cjs',
      https: './build/https.cjs',
      'node:tls': './build/tls.cjs',
      tls: './build/tls.cjs',
    },
  });
}

/** Leaves imports that match to another file, as seen from the one that imports. */
function from(filter, path) {
  return {
    name: 'elsewhere',
    setup({ onResolve }) {
      onResolve({ filter }, ({ importer }) =>
        /[\\/]proxy[\\/]/.test(importer) ? { path, external: true } : undefined,
      );
    },
  };
}

// The name of a chunk holds a hash of its content, so chunks of an earlier build would stay.
rmSync(CHUNKS, { recursive: true, force: true });
const commands = await parts(
  ['proxy/main.ts'],
  OUT,
  { chunkNames: 'chunks/[name]-[hash]', banner: BANNER },
  from(/^\.\/cli\/serve\.js$/, './chunks/serve.js'),
);
// `serve` apart from them: what it shares with other commands would be thirty files, and reading these a seventh of its start.
const command = Object.entries(commands.metafile.outputs).find(
  ([, { entryPoint }]) => entryPoint === 'proxy/cli/command.ts',
);
const serve = await parts(
  ['proxy/cli/serve.ts'],
  CHUNKS,
  { chunkNames: 'serve-[name]-[hash]' },
  // But there is one class of errors of usage.
  from(/^\.\.?\/command\.js$/, `./${basename(command[0])}`),
);
await joined(serve.metafile.outputs, `${CHUNKS}/serve.js`, { ...OPTIONS, banner: BANNER });
writeFileSync(
  'dist/bundle.json',
  JSON.stringify({
    inputs: { ...serve.metafile.inputs, ...commands.metafile.inputs },
    outputs: { ...serve.metafile.outputs, ...commands.metafile.outputs },
  }),
);

for (const file of loadedAtOnce(`${OUT}/main.js`)) {
  const { code } = await transform(readFileSync(file, 'utf8'), { target: OLDEST_PARSER, minifyWhitespace: true });
  writeFileSync(file, code);
}

/** The file, and what it imports by a statement: Node parses them all before the first line runs. */
function loadedAtOnce(file, seen = new Set()) {
  if (seen.has(file)) return seen;
  seen.add(file);
  for (const { kind, path, external } of commands.metafile.outputs[file].imports)
    if (kind === 'import-statement' && external !== true) loadedAtOnce(path, seen);
  return seen;
}
