/** The files of the image as docker/Dockerfile lays them out, from this checkout and this Node: no registry is needed. */
import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ROOT } from './helm.js';

const USER = 65_532;

/** Writes them below `folder`. */
export function writeImageFiles(folder: string): void {
  for (const library of libraries()) copy(library, join(folder, library));
  copy(process.execPath, join(folder, 'usr/local/bin/node'));
  for (const path of [
    'dist/proxy/chunks',
    'dist/proxy/admin/page',
    'config/policy.schema.json',
    'build/policy.yaml',
    'package.json',
  ])
    copy(join(ROOT, path), join(folder, 'app', path));
  const program = join(folder, 'app/dist/proxy/main.js');
  const text = readFileSync(join(ROOT, 'dist/proxy/main.js'), 'utf8');
  writeFileSync(program, text.replace(/^#!.*/, '#!/usr/local/bin/node'));
  chmodSync(program, 0o755);
  symlinkSync('/app/dist/proxy/main.js', join(folder, 'usr/local/bin/egress-proxy'));
  mkdirSync(join(folder, 'etc'), { recursive: true });
  writeFileSync(join(folder, 'etc/passwd'), `egress:x:${USER}:${USER}:egress-proxy:/app:/sbin/nologin\n`);
  writeFileSync(join(folder, 'etc/group'), `egress:x:${USER}:\n`);
  writeFileSync(join(folder, 'etc/nsswitch.conf'), 'hosts: files dns\n');
  const state = join(folder, 'var/lib/egress-proxy');
  mkdirSync(state, { recursive: true });
  chmodSync(state, 0o700);
  chownSync(state, USER, USER);
}

/** What the last stage of the Dockerfile says of the image, in the form of `podman import --change`. */
export function imageChanges(): readonly string[] {
  const text = readFileSync(join(ROOT, 'docker/Dockerfile'), 'utf8').replaceAll('\\\n', ' ');
  const last = text.slice(text.lastIndexOf('\nFROM '));
  const lines = last.split('\n').filter((line) => /^(?:ENV|USER|STOPSIGNAL|ENTRYPOINT|CMD|WORKDIR) /.test(line));
  return lines.flatMap((line) => {
    if (!line.startsWith('ENV ')) return [line];
    const pairs = line
      .slice(4)
      .trim()
      .split(/\s+/)
      .filter((pair) => !pair.includes('${'));
    return pairs.map((pair) => `ENV ${pair}`);
  });
}

function libraries(): readonly string[] {
  const found = execFileSync('ldd', [process.execPath], { encoding: 'utf8' }).match(/\/[^ ]*/g) ?? [];
  return [...new Set(found)];
}

function copy(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true });
  cpSync(from, to, { recursive: true, dereference: true });
}
