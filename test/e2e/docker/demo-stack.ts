/** The demo with the override on top, as the README starts it, and what the tests ask of it. */
import { request } from 'node:http';
import { json } from 'node:stream/consumers';
import { docker, type Outcome, tryDocker, until } from './docker.js';
import { ARE_PREBUILT } from './images.js';

export const PROJECT = 'egress-demo';
export const TOOLS_NETWORK = 'egress-demo-mcp-tools';
export const SIDECAR = `${PROJECT}-egress-proxy-1`;
export const GATEWAY = `${PROJECT}-mcp-gateway`;
export const SITE_ADDRESS = '45.45.45.45';
const FILES = ['-f', 'docker/demo/compose.yml', '-f', 'compose.override.yml'];

export function compose(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<string> {
  return docker(['compose', ...FILES, ...args], { env });
}

/** The gateway starts no tool before it has asked the engine for its init program: wait until it listens. */
export async function startDemo(env: NodeJS.ProcessEnv = {}): Promise<void> {
  await compose(['up', ARE_PREBUILT ? '--no-build' : '--build', '--detach', '--quiet-pull'], env);
  await until('the gateway answers', async () => (await fromHost('/').catch(() => '')) !== '');
}

export async function stopDemo(): Promise<void> {
  await compose(['down', '--volumes', '--timeout', '10']);
}

/** A tool's container, started by the gateway with its own `docker run`. */
export async function callTool(server: string, args: readonly string[], stdin = ''): Promise<Outcome> {
  const body = JSON.stringify({ server, arguments: args, stdin });
  const reply: unknown = await new Promise((resolve, reject) => {
    const call = request({ host: '127.0.0.1', port: 8811, path: '/call', method: 'POST', agent: false }, (response) => {
      json(response).then(resolve, reject);
    });
    call.on('error', reject);
    call.end(body);
  });
  return readOutcome(reply);
}

function readOutcome(reply: unknown): Outcome {
  if (typeof reply !== 'object' || reply === null) throw new Error(`no outcome: ${JSON.stringify(reply)}`);
  const { exitCode, stdout, stderr } = reply as Record<string, unknown>;
  if (typeof exitCode !== 'number' || typeof stdout !== 'string' || typeof stderr !== 'string') {
    throw new Error(`no outcome: ${JSON.stringify(reply)}`);
  }
  return { code: exitCode, stdout, stderr };
}

/** GET on the published port of the host; the body. */
export function fromHost(path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const call = request({ host: '127.0.0.1', port: 8811, path, agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        body += chunk;
      });
      response.on('end', () => resolve(body));
      response.on('error', reject);
    });
    call.on('error', reject);
    call.end();
  });
}

/** The decision records in the sidecar's log, oldest first. */
export async function decisions(): Promise<Record<string, unknown>[]> {
  const { stdout } = await tryDocker(['logs', SIDECAR]);
  return stdout
    .split('\n')
    .filter((line) => line.includes('"event":"decision"'))
    .map((line) => JSON.parse(line));
}
