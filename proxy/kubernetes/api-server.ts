/**
 * GET requests to the API server of the cluster that this pod runs in. It carries nobody's request: its address is
 * KUBERNETES_SERVICE_HOST's alone, its paths are made here, and redirects are not followed.
 */
import { readFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import type { RequestOptions } from 'node:https';
import { Agent, request } from 'node:https';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { parsePort } from '../core/target.js';
import { ApiFailure, failureOf, failureOfStatus } from './failure.js';

export interface ApiServer {
  /** The body of an answer 200, not yet read. Rejects with an ApiFailure for anything else. `signal` ends both. */
  get(path: string, signal: AbortSignal): Promise<AsyncIterable<Buffer>>;
}

const MOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

/** As the kubelet tells each pod of it. `mount`: the folder with `token` and `ca.crt`. */
export function createApiServer(env: Readonly<Record<string, string | undefined>>, mount = MOUNT): ApiServer {
  const host = env.KUBERNETES_SERVICE_HOST ?? '';
  const port = env.KUBERNETES_SERVICE_PORT || '443';
  let agent: Agent | null = null;
  return {
    async get(path, signal) {
      // A name would have to be resolved, and this is no client of the resolver.
      if (isIP(host) === 0 || parsePort(port) === null) throw new ApiFailure('no-cluster');
      // Read for each request: the kubelet replaces both while we run. A token is of some kilobytes.
      const [token, ca] = await Promise.all(['token', 'ca.crt'].map((name) => readMounted(join(mount, name))));
      // Only now: node:https is loaded with it.
      agent ??= new Agent({ keepAlive: true, maxFreeSockets: 4 });
      const headers = { accept: 'application/json', authorization: `Bearer ${token}` };
      return bodyOf(
        await answerTo({
          host,
          port,
          path,
          headers,
          ca,
          agent,
          signal,
          rejectUnauthorized: true,
          minVersion: 'TLSv1.2',
        }),
      );
    },
  };
}

async function readMounted(path: string): Promise<string> {
  const text = await readFile(path, 'utf8').catch(() => '');
  if (text.trim() === '') throw new ApiFailure('no-token');
  return text.trim();
}

function answerTo(options: RequestOptions): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const asked = request(options, resolve);
    asked.on('error', (error) => reject(failureOf(error)));
    asked.end();
  });
}

function bodyOf(answer: IncomingMessage): AsyncIterable<Buffer> {
  // What is thrown while nobody reads is no defect.
  answer.on('error', () => {});
  const failure = failureOfStatus(answer.statusCode ?? 0, answer.headers['retry-after']);
  if (failure === null) return answer;
  answer.destroy();
  throw failure;
}
