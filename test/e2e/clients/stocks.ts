/** A package `hello-egress` for each package manager, made here and laid out as its registry does. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const NAME = 'hello-egress';

/** Below `files`: `apt/`, `npm/`, `simple/` of pip, `cargo/` with the index as a Git repository, `video.mp4`. */
export async function layStocks(files: string, origin: string): Promise<void> {
  const stock = await stocked(files);
  await Promise.all([layApt(stock), layNpm(stock, origin), layPip(stock), layCargo(stock, origin)]);
  await writeFile(join(files, 'video.mp4'), 'hello');
}

interface Stock {
  readonly files: string;
  write(path: string, text: string): Promise<void>;
  run(command: string, ...args: readonly string[]): Promise<string>;
}

async function stocked(files: string): Promise<Stock> {
  await mkdir(files, { recursive: true });
  return {
    files,
    async write(path, text) {
      await mkdir(dirname(join(files, path)), { recursive: true });
      await writeFile(join(files, path), text);
    },
    async run(command, ...args) {
      return (await run(command, args, { cwd: files })).stdout;
    },
  };
}

async function layApt({ write, run }: Stock): Promise<void> {
  const control = [`Package: ${NAME}`, 'Version: 1.0', 'Architecture: all', 'Maintainer: a', 'Description: hello'];
  await write('deb/DEBIAN/control', `${control.join('\n')}\n`);
  await write('apt/Release', 'Suite: test\n');
  await run('dpkg-deb', '--build', 'deb', `apt/${NAME}_1.0_all.deb`);
  const [size, hash] = [
    await run('stat', '-c%s', `apt/${NAME}_1.0_all.deb`),
    await run('sha256sum', `apt/${NAME}_1.0_all.deb`),
  ];
  const place = [`Filename: ./${NAME}_1.0_all.deb`, `Size: ${size.trim()}`, `SHA256: ${hash.split(' ')[0]}`];
  await write('apt/Packages', `${[...control, ...place].join('\n')}\n`);
}

async function layNpm({ files, write, run }: Stock, origin: string): Promise<void> {
  const manifest = { name: NAME, version: '1.0.0' };
  await write('package/package.json', JSON.stringify(manifest));
  await run('tar', 'czf', 'npm.tgz', 'package');
  const packed = await readFile(join(files, 'npm.tgz'));
  const integrity = `sha512-${createHash('sha512').update(packed).digest('base64')}`;
  const version = { ...manifest, dist: { tarball: `${origin}/npm.tgz`, integrity } };
  await write(
    `npm/${NAME}`,
    JSON.stringify({ name: NAME, 'dist-tags': { latest: '1.0.0' }, versions: { '1.0.0': version } }),
  );
}

async function layPip({ write, run }: Stock): Promise<void> {
  const wheel = 'hello_egress-1.0-py3-none-any.whl';
  await write('wheel/hello_egress.py', 'GREETING = "hello"\n');
  await write('wheel/hello_egress-1.0.dist-info/METADATA', `Metadata-Version: 2.1\nName: ${NAME}\nVersion: 1.0\n`);
  await write(
    'wheel/hello_egress-1.0.dist-info/WHEEL',
    'Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n',
  );
  await write('wheel/hello_egress-1.0.dist-info/RECORD', '');
  await write(`simple/${NAME}/index.html`, `<!DOCTYPE html><html><body><a href="/${wheel}">${wheel}</a></body></html>`);
  await run('sh', '-c', `cd wheel && /usr/bin/python3 -m zipfile -c ../${wheel} *`);
}

async function layCargo({ files, write, run }: Stock, origin: string): Promise<void> {
  const crate = `${NAME}-1.0.0`;
  await write(`${crate}/Cargo.toml`, `[package]\nname = "${NAME}"\nversion = "1.0.0"\n`);
  await write(`${crate}/src/lib.rs`, '');
  await run('tar', 'czf', `${crate}.crate`, crate);
  const cksum = createHash('sha256')
    .update(await readFile(join(files, `${crate}.crate`)))
    .digest('hex');
  const line = { name: NAME, vers: '1.0.0', deps: [], cksum, features: {}, yanked: false };
  await write('cargo/config.json', JSON.stringify({ dl: `${origin}/{crate}-{version}.crate` }));
  await write(`cargo/he/ll/${NAME}`, `${JSON.stringify(line)}\n`);
  const git = ['-C', 'cargo', '-c', 'user.name=Test', '-c', 'user.email=test@origin.test'];
  for (const args of [['init', '-q', '-b', 'main'], ['add', '.'], ['commit', '-qm', 'index'], ['update-server-info']])
    await run('git', ...git, ...args);
}
