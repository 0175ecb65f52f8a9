/** A registry of Debian's on loopback, for one test file. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../net/free-port.js';
import { until } from './docker.js';

export interface Registry {
  /** `127.0.0.1:PORT`, which engines take without TLS. */
  readonly host: string;
  stop(): Promise<void>;
}

export async function startRegistry(): Promise<Registry> {
  const folder = await mkdtemp(join(tmpdir(), 'egress-registry-'));
  const host = `127.0.0.1:${await freePort()}`;
  const config = join(folder, 'config.yml');
  const storage = { filesystem: { rootdirectory: join(folder, 'data') } };
  await writeFile(config, JSON.stringify({ version: '0.1', log: { level: 'error' }, storage, http: { addr: host } }));
  const child = spawn('docker-registry', ['serve', config], { stdio: 'ignore' });
  await once(child, 'spawn');
  await until('the registry answers', async () => (await fetch(`http://${host}/v2/`).catch(() => null))?.ok === true);
  return {
    host,
    async stop() {
      const ended = once(child, 'exit');
      child.kill();
      await ended;
      await rm(folder, { recursive: true });
    },
  };
}
