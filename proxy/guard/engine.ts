/**
 * Requests to the engine over its Unix socket, which is the guard's only way out: it has no network. Methods and paths are
 * made by the guard from parsed values.
 */
import { Agent, type ClientRequest, type IncomingMessage, type RequestOptions, request } from 'node:http';
import { connect, type Socket } from 'node:net';

export interface EngineRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'DELETE';
  readonly path: string;
  /** JSON; null: none. */
  readonly body?: string | null;
}

export interface EngineAnswer {
  readonly status: number;
  readonly body: Buffer;
  readonly headers: IncomingMessage['headers'];
}

/** The result of asking for a raw stream: the stream, or the engine's answer instead. */
export type Hijacked =
  | { readonly socket: Socket; readonly head: Buffer; readonly headers: IncomingMessage['headers'] }
  | { readonly answer: EngineAnswer };

/** The engine could not be asked, or did not answer in time. */
export class EngineError extends Error {}

/** An inspected image or container has some tens of KiB. */
const MOST_ANSWER_OCTETS = 4 * 1024 * 1024;
/** Creating a container may copy the content of an image into a volume. */
const ANSWER_MS = 120_000;

export class Engine {
  readonly #path: () => string;
  /** A spawn takes five requests. What runs for long has a connection of its own. */
  readonly #agent = new Agent({ keepAlive: true, maxFreeSockets: 8 });

  constructor(path: () => string) {
    this.#path = path;
  }

  /** The whole answer, whatever its status. Rejects with an EngineError. */
  async ask(asked: EngineRequest, timeoutMs = ANSWER_MS): Promise<EngineAnswer> {
    const outgoing = this.#open(asked, { agent: this.#agent, socketPath: this.#path() });
    const timer = setTimeout(() => outgoing.destroy(new EngineError(`no answer within ${timeoutMs} ms`)), timeoutMs);
    try {
      return await wholeAnswer(await answerTo(outgoing));
    } catch (error) {
      throw engineError(error);
    } finally {
      clearTimeout(timer);
    }
  }

  /** The answer as soon as its head is there: the caller reads or destroys it. No deadline after the head. */
  async stream(asked: EngineRequest, signal: AbortSignal): Promise<IncomingMessage> {
    try {
      return await answerTo(this.#open(asked, { createConnection: () => connect({ path: this.#path() }), signal }));
    } catch (error) {
      throw engineError(error);
    }
  }

  /** Attach: a raw stream in both directions after 101. */
  hijack(path: string, signal: AbortSignal): Promise<Hijacked> {
    return new Promise((resolve, reject) => {
      const outgoing = request({
        method: 'POST',
        path,
        headers: { Host: 'docker', Connection: 'Upgrade', Upgrade: 'tcp', 'Content-Length': 0 },
        createConnection: () => connect({ path: this.#path(), allowHalfOpen: true }),
        signal,
      });
      outgoing.on('upgrade', ({ headers }, socket, head) => {
        resolve({ socket: socket as Socket, head, headers });
      });
      outgoing.on('response', (response) => {
        wholeAnswer(response).then((answer) => resolve({ answer }), reject);
      });
      outgoing.on('error', (error) => reject(engineError(error)));
      outgoing.end();
    });
  }

  #open({ method, path, body = null }: EngineRequest, connection: Connection): ClientRequest {
    const content =
      body === null
        ? { 'Content-Length': 0 }
        : { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) };
    const headers = { Host: 'docker', ...(method === 'GET' || method === 'HEAD' ? {} : content) };
    const outgoing = request({ method, path, headers, ...connection });
    outgoing.end(body ?? '');
    return outgoing;
  }
}

type Connection = Pick<RequestOptions, 'agent' | 'socketPath' | 'createConnection' | 'signal'>;

/** The answer as soon as its head is there. */
function answerTo(outgoing: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    outgoing.on('response', (response) => {
      response.on('error', () => {});
      resolve(response);
    });
    outgoing.on('error', reject);
  });
}

async function wholeAnswer(response: IncomingMessage): Promise<EngineAnswer> {
  const chunks: Buffer[] = [];
  let octets = 0;
  for await (const chunk of response) {
    octets += chunk.length;
    if (octets > MOST_ANSWER_OCTETS) throw new EngineError('the answer of the engine is too large');
    chunks.push(chunk);
  }
  return { status: response.statusCode ?? 0, body: Buffer.concat(chunks), headers: response.headers };
}

function engineError(error: unknown): EngineError {
  if (error instanceof EngineError) return error;
  return new EngineError(error instanceof Error ? error.message : String(error), { cause: error });
}

/** The value of an answer in JSON, or null if it is not JSON. */
export function jsonOf(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return null;
  }
}
