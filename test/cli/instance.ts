/** The program itself, as people start it, with a configuration of the test. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { renameSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { plainEnv } from './plain-env.js';

const MAIN = fileURLToPath(new URL('../../proxy/main.js', import.meta.url));

export interface Instance {
  readonly proxy: string;
  readonly admin: string;
  readonly metrics: string;
  readonly child: ChildProcess;
  /** Lines of the log so far. */
  readonly log: readonly string[];
  /** Replaces the file that the instance watches: it is never there by half. */
  configure(yaml: string): Promise<void>;
  /** The first line of the log from now on that the pattern matches. */
  line(pattern: RegExp): Promise<string>;
  /** Resolves with the first event of this name that is logged from now on. */
  event(name: string): Promise<void>;
}

export const LISTEN = 'version: 1\nlisten: { proxy: "127.0.0.1:0", admin: "127.0.0.1:0" }\n';

/** `env`: beside the plain environment. `within`: a command that runs another one, such as `ip netns exec NAME`. */
export async function startInstance(
  context: { after(end: () => Promise<void>): unknown },
  yaml: string,
  env: NodeJS.ProcessEnv = {},
  within: readonly string[] = [],
): Promise<Instance> {
  const folder = await mkdtemp(join(tmpdir(), 'egress-page-'));
  const path = join(folder, 'policy.yaml');
  await writeFile(path, yaml);
  const [command = process.execPath, ...args] = [...within, process.execPath, MAIN, 'serve', '--config', path];
  const child = spawn(command, args, {
    env: plainEnv(env),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  context.after(async () => {
    const ended = child.exitCode === null && child.signalCode === null ? once(child, 'exit') : null;
    child.kill('SIGTERM');
    await ended;
    await rm(folder, { recursive: true });
  });
  const log: string[] = [];
  const waiting = new Set<(line: string) => void>();
  const line = (pattern: RegExp) =>
    new Promise<string>((resolve) => {
      const look = (text: string) => {
        if (!pattern.test(text)) return;
        waiting.delete(look);
        resolve(text);
      };
      waiting.add(look);
    });
  const ready = line(/listening/);
  assert.ok(child.stdout);
  createInterface({ input: child.stdout }).on('line', (text) => {
    log.push(text);
    for (const look of [...waiting]) look(text);
  });
  const [, listening = '{}'] = /listening"?[:=](\{[^}]*\})/.exec(await ready) ?? [];
  const at = JSON.parse(listening);
  return {
    proxy: `http://${at.proxy}`,
    admin: `http://${at.admin}`,
    metrics: `http://${at.metrics}`,
    child,
    log,
    line,
    event: async (name) => void (await line(new RegExp(`"event":"${name}"`))),
    // At once, so that a signal that follows comes before the instance has looked by itself.
    async configure(text) {
      writeFileSync(`${path}.new`, text);
      renameSync(`${path}.new`, path);
    },
  };
}

/** Sends an absolute-form request through the proxy; the status that comes back. */
export async function request(proxy: string, url: string, credentials?: string): Promise<number> {
  const { hostname, port } = new URL(proxy);
  const authorization =
    credentials === undefined ? {} : { 'proxy-authorization': `Basic ${Buffer.from(credentials).toString('base64')}` };
  const headers = { host: new URL(url).host, ...authorization };
  const sent = http.request({ host: hostname, port, path: url, headers, agent: false });
  sent.end();
  const [response] = await once(sent, 'response');
  response.resume();
  return response.statusCode;
}
