/**
 * `npm run bundle`: what runs, as one file and its chunks. Loading hundreds of small files is half of a start, and a bundle
 * holds only what is imported. DECISIONS 3 and 4.
 */
import { rmSync, writeFileSync } from 'node:fs';
import { build } from 'esbuild';

const OUT = 'dist/proxy';

// A chunk's name holds a hash of its content: those of an earlier build would stay.
rmSync(`${OUT}/chunks`, { recursive: true, force: true });
const { metafile } = await build({
  entryPoints: ['proxy/main.ts'],
  outdir: OUT,
  bundle: true,
  // The admin API and each command are loaded when they are wanted: the proxy's doors are open before.
  splitting: true,
  chunkNames: 'chunks/[name]-[hash]',
  format: 'esm',
  platform: 'node',
  target: 'node20',
  // Identifiers stay: a stack trace in the log has to name our functions.
  minifyWhitespace: true,
  minifySyntax: true,
  sourcemap: true,
  logLevel: 'warning',
  // What went in, and from where: the SBOM is made from it.
  metafile: true,
  // Each of these files says what it keeps from being loaded.
  alias: {
    'node:http': './build/http.cjs',
    http: './build/http.cjs',
    'node:http2': './build/http2.cjs',
    'node:https': './build/https.cjs',
    https: './build/https.cjs',
    'node:tls': './build/tls.cjs',
    tls: './build/tls.cjs',
    '@opentelemetry/resources': './build/resources.cjs',
  },
  // Packages in CommonJS call require, which a module does not have.
  banner: { js: "import{createRequire as makeRequire}from'node:module';const require=makeRequire(import.meta.url);" },
});
writeFileSync('dist/bundle.json', JSON.stringify(metafile));
