/** What becomes something else on its way into the bundle: imports of Node's modules, and parts of packages. DECISIONS 244. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';

/** All but those that a file in this folder stands in for. */
const IMPORT = /^import (?!type )([^;]*?) from '(node:(?!https?'|http2'|tls')[a-z0-9_/]+)';/gms;

/**
 * An `import` of a module of Node reads each of its exports, and some of them load a part of Node that nobody here uses: of
 * node:crypto the Web Crypto API, of node:fs promises with readline. So our own imports become constants in the bundle.
 */
export const builtins = {
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

/** What a package loads at once for one small or late use, and what it gets instead. */
const SMALLER = [
  ['./lib/defaultMetrics', /prom-client/, 'default-metrics.cjs'],
  ['worker_threads', /pino/, 'worker-threads.cjs'],
  ['assert', /sonic-boom/, 'assert.cjs'],
];

/** Modules of which we use only functions, and none before the first request: loaded when one is first called. */
const LATE = ['node:crypto', 'node:fs/promises'];

export const standIns = {
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
  const found = `found_${local}`;
  return `let ${found}; const ${local} = (...given) => (${found} ??= process.getBuiltinModule('${name}').${imported})(...given);`;
}
