/** The command `healthcheck`, for HEALTHCHECK in the image: asks the instance of this container. */
import { dirname } from 'node:path';
import { interpolate } from '../config/interpolate.js';
import { readSecretFile } from '../config/secret-file.js';
import { readSource } from '../config/yaml-source.js';
import { command, EXIT, type Io } from './command.js';
import { configPath } from './config-path.js';

const TIMEOUT_MS = 2000;
const DEFAULT = { proxy: '127.0.0.1:3128', admin: '127.0.0.1:9180', metrics: 'off' };

/**
 * Exit code 0 where the instance is ready, 1 where it is not or does not answer. Reads nothing of the file but the
 * listeners: it runs every few seconds, and a mistake in a changed file leaves the instance ready with its old policy.
 */
export const healthcheckCommand = command({
  name: 'healthcheck',
  synopsis: '[--config FILE]',
  details: `  Asks the instance of this container whether it is ready. For HEALTHCHECK.
  exit code: 0 it is ready, 1 it is not, or does not answer`,
  options: { config: { type: 'string' } },
  run: ({ config }, _operands, io) => healthcheck(configPath(config), io),
});

async function healthcheck(path: string, io: Io): Promise<number> {
  const { proxy, admin, metrics } = listeners(path);
  const health = [admin, metrics].find((at) => at !== 'off');
  const isOff = health === undefined;
  // Without both: any answer of the proxy port, which refuses a request in origin-form and says what it is.
  const url = isOff ? `http://${local(proxy)}/` : `http://${local(health)}/readyz`;
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS), redirect: 'error' });
    const isReady = isOff ? response.headers.has('proxy-status') : response.ok;
    if (!isReady) io.stderr(`healthcheck: not ready (${response.status})\n`);
    return isReady ? EXIT.ok : EXIT.failed;
  } catch (error) {
    io.stderr(`healthcheck: no answer (${error instanceof Error ? error.message : String(error)})\n`);
    return EXIT.failed;
  }
}

function listeners(path: string): typeof DEFAULT {
  const folder = dirname(path);
  const { root } = interpolate(readSource(path).root, process.env, (file) => readSecretFile(file, folder));
  const listen = entry(root, 'listen');
  const textOf = (key: keyof typeof DEFAULT): string => {
    const value = entry(listen, key);
    return value === null ? 'off' : typeof value === 'string' ? value : DEFAULT[key];
  };
  return { proxy: textOf('proxy'), admin: textOf('admin'), metrics: textOf('metrics') };
}

function entry(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined;
}

function local(hostAndPort: string): string {
  return hostAndPort.replace(/^0\.0\.0\.0:/, '127.0.0.1:').replace(/^\[::\]:/, '[::1]:');
}
