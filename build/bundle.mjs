/**
 * `npm run bundle`: the program as one file and its chunks. Loading hundreds of small files takes half of a start, and a
 * bundle holds only what is imported. DECISIONS 3 and 4.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { build, transform } from 'esbuild';

const OUT = 'dist/proxy';
/** The oldest Node that can report in one sentence that it is too old: it has to parse the file that does so. DECISIONS 245. */
const OLDEST_PARSER = 'node12.20';

/** All but those that a file in this folder stands in for. */
const IMPORT = /^import (?!type )([^;]*?) from '(node:(?!https?'|http2'|tls')[a-z0-9_/]+)';/gms;

/**
 * An `import` of a module of Node reads each of its exports, and some of them load a part of Node that nobody here uses: of
 * node:crypto the Web Crypto API, of node:fs promises with readline. So our own imports become constants in the bundle.
 */
const builtins = {
  name: 'builtins',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]proxy[\\/].*\.ts$/ }, ({ path }) => ({
      contents: readFileSync(path, 'utf8').replace(IMPORT, (whole, clause, name) => constantsOf(whole, clause, name)),
      loader: 'ts',
    }));
  },
};

/** What is replaced by unused.cjs: what is imported, and by which package. */
const UNUSED = [
  // Its detectors start programs to learn about the machine, and would become further files.
  ['@opentelemetry/resources', /@opentelemetry/],
  // Traces of a metric's sample.
  ['@opentelemetry/api', /prom-client/],
  // Loads node:http and node:zlib.
  ['./lib/pushgateway', /prom-client/],
  // Compilers of JSON Schemas, which no route has: half of the admin API's code.
  ['@fastify/ajv-compiler', /fastify/],
  ['@fastify/fast-json-stringify-compiler', /fastify/],
  // A log in a thread: loads node:worker_threads and node:assert.
  ['thread-stream', /pino/],
];

/** Modules of Node that a package loads for one small use, and what it gets instead. */
const SMALLER = [
  ['worker_threads', /pino/, 'worker-threads.cjs'],
  ['assert', /sonic-boom/, 'assert.cjs'],
];

/** Modules of which we use only functions, and none before the first request: loaded when one is first called. */
const LATE = ['node:fs/promises'];

const standIns = {
  name: 'stand-ins',
  setup({ onResolve }) {
    for (const [what, by, standIn = 'unused.cjs'] of [...UNUSED, ...SMALLER]) {
      const filter = new RegExp(`^${what.replaceAll('.', '\\.')}$`);
      onResolve({ filter }, ({ importer }) => (by.test(importer) ? { path: resolve('build', standIn) } : undefined));
    }
  },
};

function constantsOf(whole, clause, name) {
  const [, single, list] = /^(\w+)?(?:, )?(?:\{(.*)\})?$/s.exec(clause) ?? [];
  if (single === undefined && list === undefined) throw new Error(`an import that the bundle cannot do: ${whole}`);
  const names = (list ?? '').split(',').flatMap((one) => {
    const [, imported, local] = /^\s*(\w+)(?: as (\w+))?\s*$/.exec(one) ?? [];
    return imported === undefined ? [] : [local === undefined ? imported : `${imported}: ${local}`];
  });
  // As many lines as before, for the source map.
  const lines = '\n'.repeat(whole.split('\n').length - 1);
  if (LATE.includes(name)) return names.map((one) => lateFunction(one, name)).join(' ') + lines;
  const from = `process.getBuiltinModule('${name}');`;
  const constants = [
    ...(single === undefined ? [] : [`const ${single} = ${from}`]),
    ...(names.length === 0 ? [] : [`const { ${names.join(', ')} } = ${from}`]),
  ];
  return constants.join(' ') + lines;
}

/** Of an import as `open` or `open: openFile`. */
function lateFunction(one, name) {
  const [imported, local = imported] = one.split(': ');
  return `const ${local} = (...given) => process.getBuiltinModule('${name}').${imported}(...given);`;
}

// The name of a chunk holds a hash of its content, so chunks of an earlier build would stay.
rmSync(`${OUT}/chunks`, { recursive: true, force: true });
const { metafile } = await build({
  entryPoints: ['proxy/main.ts'],
  outdir: OUT,
  bundle: true,
  // The admin API and each command are loaded only when they are needed, so that the proxy's doors open before.
  splitting: true,
  chunkNames: 'chunks/[name]-[hash]',
  format: 'esm',
  platform: 'node',
  target: 'node20',
  // Identifiers stay, because a stack trace in the log has to name our functions.
  minifyWhitespace: true,
  minifySyntax: true,
  sourcemap: true,
  logLevel: 'warning',
  // What went in and from where, for the SBOM.
  metafile: true,
  plugins: [builtins, standIns],
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
  // Packages in CommonJS call require, which a module does not have.
  banner: { js: "import{createRequire as makeRequire}from'node:module';const require=makeRequire(import.meta.url);" },
});
writeFileSync('dist/bundle.json', JSON.stringify(metafile));

for (const file of loadedAtOnce(`${OUT}/main.js`)) {
  const { code } = await transform(readFileSync(file, 'utf8'), { target: OLDEST_PARSER, minifyWhitespace: true });
  writeFileSync(file, code);
}

/** The file, and what it imports by a statement: Node parses them all before the first line runs. */
function loadedAtOnce(file, seen = new Set()) {
  if (seen.has(file)) return seen;
  seen.add(file);
  for (const { kind, path, external } of metafile.outputs[file].imports)
    if (kind === 'import-statement' && external !== true) loadedAtOnce(path, seen);
  return seen;
}
