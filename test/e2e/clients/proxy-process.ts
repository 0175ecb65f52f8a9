/** The product as it is started: `serve` in a process of its own, its log read from standard output. */
import { type ChildProcess, spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export interface Logged {
  readonly event: string;
  readonly outcome?: string;
  readonly reason?: string | null;
  readonly door?: string;
  readonly host?: string | null;
  readonly port?: number | null;
  readonly client?: { readonly name: string | null };
}

export interface ProxyProcess {
  readonly url: string;
  readonly port: number;
  /** NaN where the admin API is off. */
  readonly adminPort: number;
  readonly pid: number;
  /** The decisions on `authority` since the last call for it, once there are `least` of them: the log may lag behind. */
  takeDecisions(authority: string, least: number): Promise<Logged[]>;
  stop(): Promise<void>;
}

const MAIN = fileURLToPath(new URL('../../../proxy/main.js', import.meta.url));

/** `config`: path of the configuration, written here. `env`: beside the environment of this process. */
export async function startProxyProcess(
  config: string,
  document: Readonly<Record<string, unknown>>,
  env: NodeJS.ProcessEnv = {},
): Promise<ProxyProcess> {
  await writeFile(config, JSON.stringify(document));
  const child = spawn(process.execPath, [MAIN, 'serve', '--config', config], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let decisions: Logged[] = [];
  const news = new EventEmitter();
  createInterface({ input: child.stdout }).on('line', (line) => {
    const record: Logged = JSON.parse(line);
    if (record.event === 'decision') decisions.push(record);
    news.emit(record.event, record);
  });
  const [listening] = await Promise.race([once(news, 'listening'), failedStart(child)]);
  const portOf = (door: string): number => Number(String(listening.listening[door]).split(':').at(-1));
  const port = portOf('proxy');
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    adminPort: portOf('admin'),
    pid: child.pid ?? 0,
    async takeDecisions(authority, least) {
      const isAsked = ({ host, port }: Logged): boolean => authority === `${host}:${port}` || authority === host;
      while (decisions.filter(isAsked).length < least) await once(news, 'decision');
      const taken = decisions.filter(isAsked);
      decisions = decisions.filter((record) => !isAsked(record));
      return taken;
    },
    async stop() {
      child.kill('SIGTERM');
      if (child.exitCode === null) await once(child, 'exit');
    },
  };
}

async function failedStart(child: ChildProcess): Promise<never> {
  const [code] = await once(child, 'exit');
  throw new Error(`the proxy ended with ${code} before it listened`);
}
