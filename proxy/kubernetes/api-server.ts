/**
 * GET requests to the API server of the cluster that this pod runs in. They are never made on a tool's behalf: the address
 * comes from KUBERNETES_SERVICE_HOST alone, the paths are made here, and redirects are not followed.
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
  /** The unread body of a 200 answer. Rejects with an ApiFailure for anything else. `signal` ends the request and the body. */
  get(path: string, signal: AbortSignal): Promise<AsyncIterable<Buffer>>;
}

const MOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

/** The API server of which the kubelet tells each pod. `mount`: the folder with `token` and `ca.crt`. */
export function createApiServer(env: Readonly<Record<string, string | undefined>>, mount = MOUNT): ApiServer {
  const host = env.KUBERNETES_SERVICE_HOST ?? '';
  const port = env.KUBERNETES_SERVICE_PORT || '443';
  let agent: Agent | null = null;
  return {
    async get(path, signal) {
      // No names, since they would have to be resolved, which this file does not do.
      if (isIP(host) === 0 || parsePort(port) === null) throw new ApiFailure('no-cluster');
      // Read for each request, since the kubelet replaces both while we run. A token has a few kilobytes.
      const [token, ca] = await Promise.all(['token', 'ca.crt'].map((name) => readMounted(join(mount, name))));
      // Only now, because this loads node:https.
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
  // An error while nobody reads must not become an uncaught exception.
  answer.on('error', () => {});
  const failure = failureOfStatus(answer.statusCode ?? 0, answer.headers['retry-after']);
  if (failure === null) return answer;
  answer.destroy();
  throw failure;
}
