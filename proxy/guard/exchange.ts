/** One request of a client from its head on: read, judged, carried out and answered, with at most one record. */
import type { GuardConfig } from '../config/guard-config.js';
import type { SpawnReason } from '../core/spawn-reasons.js';
import type { SpawnRecord } from '../observe/record.js';
import { relayAttached } from './attach.js';
import type { Answer, ClientConnection } from './client-connection.js';
import type { Custody } from './custody.js';
import { type Engine, type EngineAnswer, EngineError } from './engine.js';
import { carried, checkNoBody, clamped, messageOf, unreachable } from './engine-answer.js';
import { isListed, isPullable, unlisted } from './identity.js';
import { API_MINORS, type ContainerAction, type Operation, readOperation } from './operation.js';
import { notFound, quote, Refused, refuse, type SpawnRefusal } from './refusal.js';
import { parseHead, type RequestHead } from './request-head.js';
import type { Tool } from './roster.js';
import { type SpawnNote, spawnTool } from './spawn.js';
import { parseJson } from './strict-json.js';

export interface GuardExchangeOptions {
  readonly config: () => GuardConfig;
  readonly engine: Engine;
  readonly custody: Custody;
  /** The newest minor version of the engine's API; null if not known yet. */
  readonly engineMinor: () => number | null;
  readonly random: () => string;
  readonly record: (record: Omit<SpawnRecord, 'event' | 'id' | 'time'>) => void;
}

/** What is known of a request, for its record. */
interface Known extends SpawnNote {
  readonly operation: string;
}

export class Exchange {
  readonly #options: GuardExchangeOptions;
  readonly #connection: ClientConnection;
  #known: Known = { operation: 'unread' };
  #form = { isHead: false, isLast: false };

  constructor(options: GuardExchangeOptions, connection: ClientConnection) {
    this.#options = options;
    this.#connection = connection;
  }

  /** True if the connection can take another request. */
  async run(text: string): Promise<boolean> {
    try {
      return await this.#serve(text);
    } catch (error) {
      if (error instanceof Refused) await this.#refuse(error.refusal);
      else if (error instanceof EngineError) await this.#refuse(unreachable(error), 'fail');
      else throw error;
      return false;
    }
  }

  /** Answers a refusal that came before there was a whole head. */
  refuseUnread(refusal: SpawnRefusal): Promise<void> {
    return this.#refuse(refusal);
  }

  async #serve(text: string): Promise<boolean> {
    const head = parseHead(text);
    if (!head.ok) throw new Refused(head.refusal);
    const { method, path, isLast } = head.head;
    this.#form = { isHead: method === 'HEAD', isLast };
    this.#known = { operation: `${method} ${path.slice(0, 120)}` };
    const asked = readOperation(head.head);
    if (!asked.ok) throw new Refused(asked.refusal);
    const { operation } = asked;
    // Before the engine's first list, a tool of an earlier run would be "not found", and its address would seem free.
    if (operation.kind !== 'ping') await this.#options.custody.whenInSync(this.#connection.gone);
    const isAttach = operation.kind === 'container' && operation.action === 'attach';
    if (head.head.fields.has('upgrade') && !isAttach)
      throw new Refused(refuse('malformed-request', 'only attach may change the protocol'));
    if (operation.kind === 'create') return this.#create(operation, head.head);
    checkNoBody(head.head);
    if (operation.kind === 'container') return this.#container(operation, head.head);
    if (operation.kind === 'pull') return this.#pull(operation);
    return this.#read(operation);
  }

  async #create(operation: Operation & { readonly kind: 'create' }, head: RequestHead): Promise<boolean> {
    this.#known = { operation: 'create' };
    const { config, engine, custody, random } = this.#options;
    if (!/^application\/json(?:;|$)/.test(head.fields.get('content-type') ?? ''))
      throw new Refused(refuse('body-refused', 'a create request has Content-Type: application/json'));
    const note = (known: SpawnNote): void => {
      this.#known = { ...this.#known, ...known };
    };
    const answer = await this.#connection.withBody(head.contentLength, (body) => {
      const json = parseJson(body);
      if (!json.ok) throw new Refused(refuse('malformed-json', json.why));
      const order = { api: this.#createMinor(operation.api), platform: operation.platform, body: json.value };
      return spawnTool(order, { config: config(), engine, custody, random, note });
    });
    return this.#pass(answer, true);
  }

  async #container(operation: Operation & { readonly kind: 'container' }, head: RequestHead): Promise<boolean> {
    const { action, api, reference, query } = operation;
    const tool = this.#options.custody.roster.find(reference);
    if (tool === null) {
      const message = `No such container: ${quote(reference)} was not created through the spawn guard`;
      throw new Refused(notFound('not-own-container', message));
    }
    this.#known = {
      operation: action,
      server: tool.server,
      container: tool.name,
      address: tool.lease?.address ?? null,
    };
    const path = `/v1.${api}/containers/${tool.id}${ACTION_PATHS[action]}${query}`;
    if (action === 'attach') return this.#attach(tool, path, head);
    if (action === 'wait') return this.#wait(tool, path);
    const method = action === 'inspect' ? 'GET' : action === 'remove' ? 'DELETE' : 'POST';
    const answer = await this.#options.engine.ask({ method, path });
    if (action === 'start') this.#started(tool, answer);
    return this.#pass(answer, false);
  }

  #started(tool: Tool, { status, body }: EngineAnswer): void {
    tool.isStarted ||= status === 204 || status === 304;
    if (status >= 400 && tool.lease !== null && /address already in use/i.test(body.toString('latin1')))
      this.#options.custody.retire(tool.lease);
  }

  async #attach(tool: Tool, path: string, head: RequestHead): Promise<boolean> {
    const { fields } = head;
    if ((fields.get('upgrade') ?? '') !== 'tcp' || (fields.get('connection') ?? '').toLowerCase() !== 'upgrade')
      throw new Refused(refuse('malformed-request', 'attach needs Connection: Upgrade and Upgrade: tcp'));
    const hijacked = await this.#options.engine.hijack(path, this.#connection.gone);
    if ('answer' in hijacked) {
      this.#form.isLast = true;
      return this.#pass(hijacked.answer, false);
    }
    const type = hijacked.headers['content-type'] ?? 'application/vnd.docker.raw-stream';
    const held = this.#connection.handOver();
    const { socket: client } = this.#connection;
    client.write(`HTTP/1.1 101 UPGRADED\r\nContent-Type: ${type}\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n`);
    const onClientEnd = this.#options.custody.follow(tool);
    await relayAttached({ client, held, engine: hijacked.socket, head: hijacked.head, onClientEnd });
    return false;
  }

  async #wait(tool: Tool, path: string): Promise<boolean> {
    const { gone } = this.#connection;
    const response = await this.#options.engine.stream({ method: 'POST', path }, gone);
    const unfollow = this.#options.custody.follow(tool);
    await this.#connection.answerStream(response, carried(response.headers));
    unfollow();
    return !this.#form.isLast && !gone.aborted;
  }

  async #pull(operation: Operation & { readonly kind: 'pull' }): Promise<boolean> {
    const { image, api, platform } = operation;
    this.#known = { operation: 'pull', image: image.text };
    const config = this.#options.config();
    if (!isPullable(image, config)) throw new Refused(unlisted(image));
    if (config.pull === 'never')
      throw new Refused(refuse('pull-refused', 'guard.pull is "never": pull the image on the host'));
    const query = new URLSearchParams({ fromImage: image.name, tag: image.digest ?? image.tag ?? 'latest' });
    if (platform !== null) query.set('platform', platform);
    const path = `/v1.${api}/images/create?${query}`;
    const response = await this.#options.engine.stream({ method: 'POST', path }, this.#connection.gone);
    const status = response.statusCode ?? 502;
    this.#record(status < 400 ? 'allow' : 'fail', status < 400 ? null : 'engine-refused', status, null);
    await this.#connection.answerStream(response, carried(response.headers));
    return !this.#form.isLast;
  }

  async #read(operation: Operation & { readonly kind: 'ping' | 'version' | 'image' | 'volume' }): Promise<boolean> {
    const { config, engine } = this.#options;
    if (operation.kind === 'ping')
      return this.#pass(clamped(await engine.ask({ method: operation.method, path: '/_ping' })), false);
    const version = `/v1.${operation.api}`;
    if (operation.kind === 'version')
      return this.#pass(await engine.ask({ method: 'GET', path: `${version}/version` }), false);
    if (operation.kind === 'image') {
      const { image } = operation;
      this.#known = { operation: 'image', image: image.text };
      if (!isListed(image, config()))
        throw new Refused(notFound('image-not-listed', `No such image: ${unlisted(image).message}`));
      return this.#pass(await engine.ask({ method: 'GET', path: `${version}/images/${image.text}/json` }), false);
    }
    const { name } = operation;
    this.#known = { operation: 'volume' };
    const isNamed = config().servers.some(({ volumes }) => volumes.some((volume) => volume.name === name));
    if (!isNamed)
      throw new Refused(
        notFound('volume-not-listed', `No such volume: ${quote(name)} belongs to no server in guard.servers`),
      );
    return this.#pass(await engine.ask({ method: 'GET', path: `${version}/volumes/${name}` }), false);
  }

  /** Before 1.44 the engine's defaults are weaker: a read-only mount did not cover the mounts below it. */
  #createMinor(asked: number): number {
    const newest = Math.min(this.#options.engineMinor() ?? asked, API_MINORS.most);
    return Math.max(asked, Math.min(44, newest));
  }

  async #pass({ status, body, headers }: EngineAnswer, isRecorded: boolean): Promise<boolean> {
    const outcome = status < 400 ? 'allow' : 'fail';
    const isNews = isRecorded || status >= 500;
    if (isNews)
      this.#record(outcome, status < 400 ? null : 'engine-refused', status, status < 400 ? null : messageOf(body));
    await this.#connection.answer({ status, headers: carried(headers), body }, this.#form);
    return !this.#form.isLast;
  }

  async #refuse(refusal: SpawnRefusal, outcome: 'deny' | 'fail' = 'deny'): Promise<void> {
    this.#record(outcome, refusal.reason, refusal.status, refusal.message, refusal.field);
    const answer: Answer = {
      status: refusal.status,
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ message: refusal.message }),
    };
    await this.#connection.answer(answer, { ...this.#form, isLast: true });
  }

  #record(
    outcome: SpawnRecord['outcome'],
    reason: SpawnReason | null,
    status: number,
    explanation: string | null,
    field: string | null = null,
  ): void {
    const { operation, server = null, image = null, container = null, address = null } = this.#known;
    this.#options.record({ outcome, reason, operation, server, image, field, container, address, status, explanation });
  }
}

const ACTION_PATHS: Readonly<Record<ContainerAction, string>> = {
  attach: '/attach',
  wait: '/wait',
  start: '/start',
  kill: '/kill',
  stop: '/stop',
  resize: '/resize',
  remove: '',
  inspect: '/json',
};
