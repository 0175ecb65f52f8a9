/**
 * Requests to the engine over its Unix socket: the only way out of the guard, and no network. Methods and paths are
 * made by the guard from parsed values.
 */
import { type IncomingMessage, request } from 'node:http';
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

/** What came of asking for a raw stream: the stream, or the answer in its place. */
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

  constructor(path: () => string) {
    this.#path = path;
  }

  /** The whole answer, whatever its status. Rejects with an EngineError. */
  async ask(asked: EngineRequest, timeoutMs = ANSWER_MS): Promise<EngineAnswer> {
    const deadline = AbortSignal.timeout(timeoutMs);
    try {
      return await wholeAnswer(await this.#send(asked, deadline));
    } catch (error) {
      throw engineError(error);
    }
  }

  /** The answer as soon as its head is there: the caller reads or destroys it. No deadline after the head. */
  async stream(asked: EngineRequest, signal: AbortSignal): Promise<IncomingMessage> {
    try {
      return await this.#send(asked, signal);
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

  #send({ method, path, body = null }: EngineRequest, signal: AbortSignal): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const content =
        body === null
          ? { 'Content-Length': 0 }
          : { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) };
      const outgoing = request({
        method,
        path,
        headers: { Host: 'docker', Connection: 'close', ...(method === 'GET' || method === 'HEAD' ? {} : content) },
        createConnection: () => connect({ path: this.#path() }),
        signal,
      });
      outgoing.on('response', (response) => {
        response.on('error', () => {});
        resolve(response);
      });
      outgoing.on('error', reject);
      outgoing.end(body ?? '');
    });
  }
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

/** The value of an answer in JSON, or null where it is none. */
export function jsonOf(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return null;
  }
}
