/** The doors with what is asked and granted while the proxy runs, and how a request for site.test comes to each of them. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { openRunTime, type RunTimeService } from '../../proxy/cli/serve/run-time.js';
import { policyFile } from '../../proxy/config/policy-file.js';
import { draft, FakeClock } from '../decide/stand.js';
import { wireHello } from '../tls/hello-bytes.js';
import { openOrigin, openStand, type Stand } from './stand.js';

export const HOLD_MS = 30_000;

export interface AskingStand extends Stand {
  readonly clock: FakeClock;
  readonly control: RunTimeService['control'];
  /** Resolves when so many requests wait for an answer about `host`. */
  waiting(host: string, count: number): Promise<void>;
}

/** `ask`: the section of the policy; nothing is allowed without a grant. */
export async function asking(t: TestContext, ask: string, more = ''): Promise<AskingStand> {
  const port = await openOrigin(t, (socket) =>
    socket
      .once('end', () => socket.end())
      .once('data', (bytes) => {
        const isRequest = bytes.toString('latin1').startsWith('GET ');
        socket.end(isRequest ? 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok' : bytes);
      }),
  );
  const clock = new FakeClock();
  const services: RunTimeService[] = [];
  const news = new Set<() => void>();
  const clients: Socket[] = [];
  // Before the app stops, which would wait for them.
  t.after(() => {
    for (const client of clients) client.destroy();
  });
  const stand = await openStand(t, () => port, {
    policy: `default: none, sni: off, ask: ${ask}`,
    more: `${more}state: { path: off }`,
    runTime(config, app) {
      const log = { info() {}, warn() {}, error() {} } as never;
      const path = '/nowhere/policy.yaml';
      const parts = { path, file: policyFile(path, {}), config: () => config, log, app, reload() {}, onQuestion() {} };
      const service = openRunTime({ ...parts, clock });
      services.push(service);
      return service.gate;
    },
  });
  const { control, close } = services[0] ?? assert.fail();
  t.after(close);
  control.listen(() => {
    for (const look of [...news]) look();
  });
  return {
    ...stand,
    async connect(door) {
      const client = await stand.connect(door);
      clients.push(client);
      return client;
    },
    clock,
    control,
    waiting: (host, count) =>
      new Promise((resolve) => {
        const look = (): void => {
          // What is the same question is news once a second.
          clock.pass(1);
          if (control.questions.list().find((question) => question.host === host)?.waiting !== count) return;
          news.delete(look);
          clearInterval(again);
          resolve();
        };
        const again = setInterval(look, 5);
        news.add(look);
        look();
      }),
  };
}

export type Outcome = 'through' | 'refused';

export interface Way {
  readonly port: number;
  /** Asks for site.test; the answer comes later. */
  ask(stand: Stand): Promise<{ readonly client: Socket; readonly outcome: Promise<Outcome> }>;
}

export function http(door: string, text: string, port: number): Way {
  return {
    port,
    async ask(stand) {
      const client = await stand.connect(door);
      client.write(text);
      const outcome = once(client, 'data').then(
        ([answer]): Outcome => (String(answer).startsWith('HTTP/1.1 200') ? 'through' : 'refused'),
      );
      return { client, outcome };
    },
  };
}

export const WAYS: Readonly<Record<string, Way>> = {
  CONNECT: http('proxy', 'CONNECT site.test:443 HTTP/1.1\r\nHost: site.test:443\r\n\r\n', 443),
  GET: http('proxy', 'GET http://site.test/ HTTP/1.1\r\nHost: site.test\r\n\r\n', 80),
  'a steered request': http('steer.http', 'GET / HTTP/1.1\r\nHost: site.test\r\n\r\n', 80),
  SOCKS: {
    port: 443,
    async ask(stand) {
      const client = await stand.connect('socks');
      client.write(Buffer.from([5, 1, 0]));
      await once(client, 'data');
      client.write(Buffer.from([5, 1, 0, 3, 9, ...Buffer.from('site.test'), 1, 187]));
      const outcome = once(client, 'data').then(([answer]): Outcome => (answer[1] === 0 ? 'through' : 'refused'));
      return { client, outcome };
    },
  },
  'steered TLS': {
    port: 443,
    async ask(stand) {
      const client = await stand.connect('steer.tls');
      client.write(wireHello({ sni: 'site.test' }));
      // The origin says the hello back (a handshake is 22); a refusal is an alert (21).
      const outcome = once(client, 'data').then(([answer]): Outcome => (answer[0] === 22 ? 'through' : 'refused'));
      return { client, outcome };
    },
  },
};

/** For one request. */
export const once443 = (port: number) => draft('site.test', { ports: [port], once: true });
