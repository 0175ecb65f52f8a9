/** The command `healthcheck`, for HEALTHCHECK in the image: asks the instance of this container. */
import type { Config, HostPort } from '../config/config.js';
import { BAD_CONFIG, configPath, readConfiguration } from './configuration.js';

const TIMEOUT_MS = 2000;

/** Exit code 0 where the instance is ready, 1 where it is not or does not answer, 78 for a bad configuration. */
export async function healthcheckCommand(): Promise<number> {
  const config = readConfiguration(configPath(undefined));
  if (config === null) return BAD_CONFIG;
  try {
    const response = await fetch(readiness(config), { signal: AbortSignal.timeout(TIMEOUT_MS), redirect: 'error' });
    const isReady = config.listen.admin === null ? response.headers.has('proxy-status') : response.ok;
    if (!isReady) process.stderr.write(`healthcheck: not ready (${response.status})\n`);
    return isReady ? 0 : 1;
  } catch (error) {
    process.stderr.write(`healthcheck: no answer (${error instanceof Error ? error.message : String(error)})\n`);
    return 1;
  }
}

/** Without the admin API: any answer of the proxy port, which refuses a request in origin-form and says what it is. */
function readiness({ listen }: Config): string {
  return listen.admin === null ? `http://${local(listen.proxy)}/` : `http://${local(listen.admin)}/readyz`;
}

function local({ host, port }: HostPort): string {
  if (host === '0.0.0.0') return `127.0.0.1:${port}`;
  if (host === '::') return `[::1]:${port}`;
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
