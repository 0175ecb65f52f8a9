/** Streams without an end through the proxy, whose readers read nothing until they are told to. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http, { type ClientRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import type { Readable, Writable } from 'node:stream';
import { openTunnel, type Place } from '../../soak/client.js';
import { listenOn } from '../clients/origins.js';

export interface Sender {
  /** Bytes that were handed over so far. */
  readonly sent: number;
  /** Ends the stream after what was sent. */
  finish(): void;
}

export interface EndlessOrigin {
  readonly authority: string;
  /** One for each request that was answered without end. */
  readonly senders: Sender[];
  /** One for each request with content, which nobody has read. */
  readonly readers: Readable[];
  close(): Promise<void>;
}

/** Answers `GET /endless` with the pattern without end, `GET /N` with N bytes of it, and a POST when its content is read. */
export async function startEndlessOrigin(): Promise<EndlessOrigin> {
  const senders: Sender[] = [];
  const readers: Readable[] = [];
  const server = http.createServer((request, response) => {
    if (request.method === 'POST') readers.push(request.once('end', () => response.end()));
    else if (request.url === '/endless') senders.push(sendEndlessly(response));
    else response.end(patternFrom(0, Number(request.url?.slice(1))));
  });
  return {
    authority: `127.0.0.1:${await listenOn(server)}`,
    senders,
    readers,
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

export type Way = 'tunnel' | 'absolute-form';

/** A request for `path` of the origin; the caller ends it. */
export async function ask(place: Place, way: Way, method: 'GET' | 'POST', path: string): Promise<ClientRequest> {
  const headers = { host: place.origin };
  if (way === 'absolute-form') {
    const to: RequestOptions = { host: '127.0.0.1', port: place.proxyPort, path: `http://${place.origin}${path}` };
    return http.request({ ...to, method, headers, agent: false });
  }
  const socket = await openTunnel(place);
  return http.request({ method, path, headers, createConnection: () => socket });
}

/** The response to a request without content; nothing of its content is read yet. */
export async function answerOf(request: ClientRequest): Promise<IncomingMessage> {
  request.end();
  const [response] = await once(request, 'response');
  return response;
}

/** Writes the pattern as fast as it is taken. */
export function sendEndlessly(to: Writable): Sender {
  let sent = 0;
  const send = (): void => {
    do sent += PIECE;
    while (to.write(patternFrom(sent - PIECE, PIECE)));
  };
  to.on('drain', send);
  send();
  return {
    get sent() {
      return sent;
    },
    finish() {
      to.off('drain', send);
      to.end();
    },
  };
}

/** Reads to the end and answers how many bytes came; throws where one of them is not the pattern's. */
export async function readPattern(from: Readable): Promise<number> {
  let at = 0;
  for await (const bytes of from) {
    assert.ok(patternFrom(at, bytes.length).equals(bytes), `the bytes from ${at} on are others than were sent`);
    at += bytes.length;
  }
  return at;
}

const PIECE = 65_536;
/** A prime, so that no shift by a buffer's size goes unseen. */
const PERIOD = 65_537;
const PATTERN = Buffer.from(Uint8Array.from({ length: PERIOD }, (_, i) => Math.imul(i + 1, 0x9e3779b1) >>> 24));

function patternFrom(at: number, length: number): Buffer {
  const from = at % PERIOD;
  const periods = Math.ceil((from + length) / PERIOD);
  return Buffer.concat(Array.from({ length: periods }, () => PATTERN)).subarray(from, from + length);
}
