/** Who is measured: how each is started, and what it can do. */

import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../net/free-port.js';
import { haproxyConfiguration, ourPolicy, squidConfiguration, tinyproxyConfiguration } from './configurations.js';
import { cpuMs, firstLine, type Running, start } from './process.js';
import { ORIGIN_ADDRESS, REFUSED_ADDRESS } from './sandbox.js';
import { installed, type Programs, repository } from './toolchain.js';

export type Ability = 'tunnel' | 'name' | 'refuse' | 'forward' | 'http-passthrough';

export interface Field {
  readonly folder: string;
  readonly programs: Programs;
  readonly node: string;
  readonly origin: { readonly stream: number; readonly http: number; readonly dns: number };
  /** Where log lines go: a pipe that is read and thrown away. */
  readonly logPipe: number;
}

export interface Contender {
  readonly name: string;
  readonly abilities: readonly Ability[];
  /** False: it takes no CONNECT and leads to the stream origin whatever it is sent. */
  readonly isProxy: boolean;
  /** Null: not installed. */
  start(field: Field): Promise<Standing> | null;
}

/** A contender that listens. */
export interface Standing {
  readonly name: string;
  readonly port: number;
  readonly running: Running | null;
}

const ALL: readonly Ability[] = ['tunnel', 'name', 'refuse', 'forward'];

export function contenders(): readonly Contender[] {
  return [
    {
      name: 'direct',
      abilities: ['tunnel', 'http-passthrough'],
      isProxy: false,
      start: async (field) => direct(field),
    },
    { name: 'c-relay', abilities: ['tunnel'], isProxy: true, start: cRelay },
    nodeContender('node-pipe', ['tunnel', 'name', 'refuse'], 'pipe-relay'),
    nodeContender('node-http', ['forward'], 'http-forwarder'),
    nodeContender('undici', ['forward'], 'undici-forwarder'),
    nodeContender('proxy-chain', ALL, 'proxy-chain'),
    daemon('squid', ALL, (port, field) => squid(port, field)),
    daemon('smokescreen', ALL, (port) => smokescreen(port)),
    daemon('tinyproxy', ALL, (port, field) => tinyproxy(port, field)),
    { ...daemon('haproxy', ['tunnel'], (port, field) => haproxy(port, field)), isProxy: false },
    { name: 'ours', abilities: ALL, isProxy: true, start: ours },
  ];
}

function direct(field: Field): Standing {
  return { name: 'direct', port: field.origin.stream, running: null };
}

async function cRelay(field: Field): Promise<Standing> {
  const running = await start(field.programs.relay, ['127.0.0.1'], { stdio: ['ignore', 'pipe', 'inherit'] });
  return { name: 'c-relay', port: (await firstLine(running)).port ?? 0, running };
}

function nodeContender(name: string, abilities: readonly Ability[], script: string): Contender {
  const path = join(repository, 'dist', 'test', 'bench', 'proxies', `${script}.js`);
  return {
    name,
    abilities,
    isProxy: true,
    async start(field) {
      const port = await freePort();
      return { name, port, running: await start(field.node, [path, String(port), REFUSED_ADDRESS]) };
    },
  };
}

/** As `npm start` has them. */
const OUR_FLAGS = ['--max-semi-space-size=8'];

async function ours(field: Field): Promise<Standing> {
  const port = await freePort();
  const config = join(field.folder, `ours-${port}.yaml`);
  writeFileSync(config, ourPolicy({ port, adminPort: await freePort(), ...field.origin }));
  const main = join(repository, 'dist', 'proxy', 'main.js');
  const running = await start(field.node, [...OUR_FLAGS, main, 'serve', '--config', config], {
    stdio: ['ignore', field.logPipe, 'inherit'],
  });
  return { name: 'ours', port, running };
}

type Launch = (port: number, field: Field) => readonly string[];

function daemon(name: string, abilities: readonly Ability[], launch: Launch): Contender {
  const command = installed(name);
  return {
    name,
    abilities,
    isProxy: true,
    start(field) {
      if (command === null) return null;
      return freePort().then(async (port) => ({ name, port, running: await start(command, launch(port, field)) }));
    },
  };
}

function squid(port: number, field: Field): readonly string[] {
  const folder = ownFolder(field, `squid-${port}`);
  const file = join(folder, 'squid.conf');
  writeFileSync(file, squidConfiguration(port, folder));
  return ['-N', '-f', file, '-n', `bench${port}`];
}

/** By address alone: without an ACL file it asks for no role. */
function smokescreen(port: number): readonly string[] {
  const ranges = ['--allow-range', `${ORIGIN_ADDRESS}/32`, '--deny-range', `${REFUSED_ADDRESS}/32`];
  return ['--listen-ip', '127.0.0.1', '--listen-port', String(port), ...ranges];
}

function tinyproxy(port: number, field: Field): readonly string[] {
  const folder = ownFolder(field, `tinyproxy-${port}`);
  const file = join(folder, 'tinyproxy.conf');
  writeFileSync(file, tinyproxyConfiguration(port, folder, [field.origin.stream, field.origin.http]));
  return ['-d', '-c', file];
}

function haproxy(port: number, field: Field): readonly string[] {
  const folder = ownFolder(field, `haproxy-${port}`);
  const file = join(folder, 'haproxy.cfg');
  writeFileSync(file, haproxyConfiguration(port, field.origin.stream));
  return ['-db', '-f', file];
}

function ownFolder(field: Field, name: string): string {
  const folder = join(field.folder, name);
  mkdirSync(folder);
  // Daemons give up root before they open their logs.
  chmodSync(folder, 0o777);
  return folder;
}

export function cpuOf(standing: Standing): number {
  return standing.running === null ? 0 : cpuMs(standing.running.pid);
}
