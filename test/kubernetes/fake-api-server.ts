/** An API server that knows pods, over TLS, as far as list and watch go; it can be told to misbehave. */
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo, Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { type ApiServer, createApiServer } from '../../proxy/kubernetes/api-server.js';
import { createCertificates } from './certificates.js';

export type PodObject = Record<string, unknown>;

export interface FakeApiServer {
  /** As the kubelet would have it made for a pod of this cluster. */
  readonly api: ApiServer;
  readonly mount: string;
  /** `GET` paths with their queries, in order. */
  readonly asked: readonly string[];
  /** The tokens that came with them. */
  readonly tokens: readonly string[];
  /** In every namespace, by their name. */
  readonly pods: Map<string, PodObject>;
  /** Changes the pods and tells every watch of their namespace. */
  tell(type: 'ADDED' | 'MODIFIED' | 'DELETED', pod: PodObject): void;
  /** Writes to every watch, whatever it is. */
  say(text: string): void;
  bookmark(): void;
  /** `cut`: without the end that a whole answer has. */
  endWatches(how: 'whole' | 'cut'): void;
  readonly watches: number;
  /** In place of the answer; false: the usual one. */
  misbehave: (request: IncomingMessage, response: ServerResponse) => boolean;
  /** No answer, no word on a watch, until it is false again. */
  isDead: boolean;
}

interface Watch {
  readonly namespace: string;
  readonly response: ServerResponse;
}

const PATH = /^\/api\/v1\/namespaces\/([^/?]+)\/pods\?(.*)$/;

export interface Place {
  readonly host: string;
  readonly port: number;
  /** The address that the certificate is for. */
  readonly address: string;
}

const LOOPBACK: Place = { host: '127.0.0.1', port: 0, address: '127.0.0.1' };

/** Who ends a watch: its test, or the server when `timeoutSeconds` are over. */
export type Ending = 'test' | 'time';

export async function startApiServer(
  t: Pick<TestContext, 'after'>,
  at: Place = LOOPBACK,
  ending: Ending = 'test',
): Promise<FakeApiServer> {
  const { mount, certificate, key } = serviceAccount(at);
  const pods = new Map<string, PodObject>();
  const watches = new Set<Watch>();
  const asked: string[] = [];
  const tokens: string[] = [];
  let version = 100;
  const server = createServer({ cert: certificate, key }, (request, response) => {
    asked.push(request.url ?? '');
    tokens.push(request.headers.authorization ?? '');
    if (fake.isDead || fake.misbehave(request, response)) return;
    const [, namespace = '', query = ''] = PATH.exec(request.url ?? '') ?? [];
    const parameters = new URLSearchParams(query);
    if (!parameters.has('watch')) response.end(JSON.stringify(pageOf(pods, version, namespace, parameters)));
    else follow(watches, { namespace, response }, ending === 'time' ? secondsOf(parameters) : null);
  });
  const port = await listenAt(server, at);
  t.after(() => {
    server.closeAllConnections();
    server.close();
    rmSync(mount, { recursive: true });
  });
  const say = (text: string, namespace: string | null = null): void => {
    if (fake.isDead) return;
    for (const watch of watches) if (namespace === null || watch.namespace === namespace) watch.response.write(text);
  };
  const fake: FakeApiServer = {
    api: createApiServer({ KUBERNETES_SERVICE_HOST: '127.0.0.1', KUBERNETES_SERVICE_PORT: String(port) }, mount),
    mount,
    asked,
    tokens,
    pods,
    tell(type, pod) {
      version += 1;
      const object = { ...pod, metadata: { ...(pod.metadata as object), resourceVersion: String(version) } };
      if (type === 'DELETED') pods.delete(keyOf(pod));
      else pods.set(keyOf(pod), object);
      say(`${JSON.stringify({ type, object })}\n`, namespaceOf(pod));
    },
    say: (text) => say(text),
    bookmark() {
      version += 1;
      const object = { kind: 'Pod', metadata: { resourceVersion: String(version) } };
      say(`${JSON.stringify({ type: 'BOOKMARK', object })}\n`);
    },
    endWatches(how) {
      endAll(watches, how);
    },
    get watches() {
      return watches.size;
    },
    misbehave: () => false,
    isDead: false,
  };
  return fake;
}

/** What a pod of this cluster finds at its mount, and with what the server shows who it is. */
function serviceAccount({ address }: Place) {
  const { ca, certificate, key } = createCertificates('kubernetes', address);
  const mount = mkdtempSync(join(tmpdir(), 'service-account-'));
  writeFileSync(join(mount, 'ca.crt'), ca);
  writeFileSync(join(mount, 'token'), 'first-token\n');
  return { mount, certificate, key };
}

async function listenAt(server: Server, { host, port }: Place): Promise<number> {
  server.listen(port, host);
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

function endAll(watches: Set<Watch>, how: 'whole' | 'cut'): void {
  for (const { response } of watches) {
    if (how === 'whole') response.end();
    else response.destroy();
  }
  watches.clear();
}

function keyOf(pod: PodObject): string {
  return `${namespaceOf(pod)}/${(pod.metadata as PodObject).name}`;
}

/** `seconds`: after these the server ends it; null: its test does. */
function follow(watches: Set<Watch>, watch: Watch, seconds: number | null): void {
  const { response } = watch;
  response.writeHead(200, { 'content-type': 'application/json' }).flushHeaders();
  watches.add(watch);
  const timer = seconds === null ? undefined : setTimeout(() => response.end(), seconds * 1000);
  response.on('close', () => {
    clearTimeout(timer);
    watches.delete(watch);
  });
}

function pageOf(pods: ReadonlyMap<string, PodObject>, version: number, namespace: string, parameters: URLSearchParams) {
  const all = [...pods.values()].filter((pod) => namespaceOf(pod) === namespace);
  const from = Number(parameters.get('continue') ?? 0);
  const to = from + Number(parameters.get('limit') ?? all.length);
  const metadata = { resourceVersion: String(version), ...(to < all.length ? { continue: String(to) } : {}) };
  return { kind: 'PodList', metadata, items: all.slice(from, to) };
}

function secondsOf(parameters: URLSearchParams): number {
  return Number(parameters.get('timeoutSeconds'));
}

function namespaceOf(pod: PodObject): string {
  return String((pod.metadata as PodObject).namespace);
}

export interface PodParts {
  readonly name?: string;
  readonly uid?: string;
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly ips?: readonly string[];
  readonly phase?: string;
  readonly deleted?: boolean;
  readonly hostNetwork?: boolean;
  readonly hostIP?: string;
}

/** A Pod object as the API has it. */
export function podObject(parts: PodParts = {}): PodObject {
  const { name = 'github-1', namespace = 'tools', labels = { app: 'github' }, ips = ['10.244.1.7'] } = parts;
  const { uid = `uid-of-${name}`, phase = 'Running', hostIP = '172.30.0.2' } = parts;
  return {
    kind: 'Pod',
    metadata: {
      name,
      namespace,
      uid,
      labels,
      ...(parts.deleted === true ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}),
    },
    spec: { containers: [{ name: 'tool' }], ...(parts.hostNetwork === true ? { hostNetwork: true } : {}) },
    status: { phase, hostIP, ...(ips[0] === undefined ? {} : { podIP: ips[0] }), podIPs: ips.map((ip) => ({ ip })) },
  };
}
