/**
 * `npm run sbom`: the parts of the program as CycloneDX, and a licence text for each. The bundle holds the code of packages but
 * no packages, so a scanner that looks for node_modules would find nothing.
 *
 *   node build/sbom.mjs OUT           dist/bundle.json -> OUT/sbom.cdx.json and OUT/licenses/
 *   node build/sbom.mjs OUT --image   also Node, with what is linked into it, and the Debian packages of its libraries
 */
import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const [out = 'dist', mode] = process.argv.slice(2);
const licenses = join(out, 'licenses');
// Removes what is left of an earlier bundle.
rmSync(licenses, { recursive: true, force: true });
const bom = bundleBom();
bom.components = [...bom.components.map(withLicenseFile), ...(mode === '--image' ? imageComponents() : [])];
writeFileSync(join(out, 'sbom.cdx.json'), `${JSON.stringify(bom, null, 1)}\n`);

/** The SBOM of the bundle alone. Reproducible: no time, no random serial number. */
function bundleBom() {
  const program = realpathSync('node_modules/.bin/cyclonedx-esbuild');
  // 1.4 is the newest version that older scanners read; they skip newer ones silently.
  const options = ['--spec-version', '1.4', '--gather-license-texts', '--output-reproducible', '-o', '-'];
  const said = execFileSync(process.execPath, [program, ...options, 'dist/bundle.json'], {
    encoding: 'utf8',
    maxBuffer: 1 << 26,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return JSON.parse(said);
}

/** The texts go into files, where people look for them; the SBOM keeps the identifiers. */
function withLicenseFile({ evidence, ...component }) {
  const name = component.group === undefined ? component.name : `${component.group}/${component.name}`;
  const texts = (evidence?.licenses ?? []).map(({ license }) =>
    Buffer.from(license.text.content, license.text.encoding === 'base64' ? 'base64' : 'utf8').toString(),
  );
  if (texts.length === 0) texts.push(textWithoutFile(component));
  write(join(licenses, `${name}@${component.version}`, 'LICENSE'), texts.join('\n'));
  return component;
}

/** For a package that names its licence but ships no text: the text of that licence, with the author that it names. */
function textWithoutFile({ name, licenses: named, author }) {
  if (named?.[0]?.license?.id !== 'MIT') throw new Error(`${name} has no licence text, and is not MIT`);
  const [, , terms = ''] =
    /^(MIT License\n\nCopyright [^\n]*\n\n)([\s\S]*)$/.exec(readFileSync('LICENSE', 'utf8')) ?? [];
  return `MIT License\n\nCopyright (c) ${author ?? `the authors of ${name}`}\n\n${terms}`;
}

function imageComponents() {
  const node = realpathSync(process.execPath);
  const libraries = [...execFileSync('ldd', [node], { encoding: 'utf8' }).matchAll(/\/\S+/g)].map(([path]) => path);
  const packages = [...new Set(libraries.map(debianPackageOf))].sort();
  return [...nodeComponents(), ...packages.map(debianComponent)];
}

/** Twice: as what it is, with what is linked into it, and as the npm package of that name, which package scanners list. */
function nodeComponents() {
  write(join(licenses, 'node', 'LICENSE'), nodeLicense());
  const { node: version, ...linked } = process.versions;
  const purl = `pkg:generic/node@${version}`;
  const node = { name: 'node', version, licenses: [{ license: { id: 'MIT' } }] };
  const parts = Object.entries(linked).map(([name, of]) => ({
    type: 'library',
    name,
    version: of,
    'bom-ref': `${purl}#${name}`,
  }));
  return [
    {
      type: 'framework',
      ...node,
      'bom-ref': purl,
      purl,
      cpe: `cpe:2.3:a:nodejs:node.js:${version}:*:*:*:*:*:*:*`,
      components: parts,
    },
    { type: 'library', ...node, 'bom-ref': `pkg:npm/node@${version}`, purl: `pkg:npm/node@${version}` },
  ];
}

/** Node's own images keep it in /usr/local. Elsewhere the package of its releases has it. */
function nodeLicense() {
  for (const path of [join(dirname(dirname(process.execPath)), 'LICENSE'), '/usr/share/doc/nodejs/copyright']) {
    const text = readIfThere(path);
    if (text !== null) return text;
  }
  const folder = mkdtempSync(join(tmpdir(), 'node-license-'));
  const name = `node-${process.platform}-${process.arch}@${process.versions.node}`;
  execFileSync('npm', ['pack', '--silent', '--pack-destination', folder, name], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const [archive = ''] = readdirSync(folder);
  return execFileSync('tar', ['xzOf', join(folder, archive), 'package/LICENSE'], { encoding: 'utf8' });
}

/** `dpkg` knows files by the path at which their package has them, which may lie behind a link. */
function debianPackageOf(path) {
  for (const known of [
    path,
    realpathSync(path),
    path.replace(/^\/usr/, ''),
    realpathSync(path).replace(/^\/usr/, ''),
  ]) {
    try {
      const said = execFileSync('dpkg', ['-S', known], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
      return said.slice(0, said.indexOf(':'));
    } catch {}
  }
  throw new Error(`no Debian package has ${path}`);
}

function debianComponent(name) {
  const format = '${Version}\t${Architecture}\t${source:Package}\t${source:Version}';
  const said = execFileSync('dpkg-query', ['-W', `-f=${format}`, name], { encoding: 'utf8' });
  const [version = '', architecture, source, sourceVersion] = said.split('\t');
  // As the images without a package manager have it: scanners read one file for each package.
  const status = execFileSync('dpkg-query', ['-s', name], { encoding: 'utf8' });
  write(join(out, 'dpkg', name), status);
  const target = join(licenses, 'debian', name, 'copyright');
  mkdirSync(dirname(target), { recursive: true });
  copyFileSync(copyrightOf(name), target);
  const purl = `pkg:deb/debian/${encodeURIComponent(name)}@${encodeURIComponent(version)}?arch=${architecture}&distro=debian-12`;
  return {
    type: 'library',
    name,
    version,
    'bom-ref': purl,
    purl,
    licenses: [{ license: { name: `see licenses/debian/${name}/copyright` } }],
    properties: [{ name: 'source', value: `${source} ${sourceVersion}` }],
  };
}

/** Base images may have been stripped of it: then it comes out of the package, fetched again. */
function copyrightOf(name) {
  const installed = `/usr/share/doc/${name}/copyright`;
  if (readIfThere(installed) !== null) return installed;
  const folder = mkdtempSync(join(tmpdir(), 'copyright-'));
  const version = execFileSync('dpkg-query', ['-W', '-f=${gcc:Version}', name], { encoding: 'utf8' });
  const owner = /^lib(?:gcc|stdc|atomic)/.test(name)
    ? `gcc-${version === '' ? '12' : version.split('.')[0]}-base`
    : name;
  execFileSync('apt-get', ['download', '-qq', owner], { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] });
  const [archive = ''] = readdirSync(folder);
  execFileSync('dpkg', ['-x', join(folder, archive), folder]);
  return join(folder, 'usr/share/doc', owner, 'copyright');
}

function readIfThere(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

function write(path, text) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}
