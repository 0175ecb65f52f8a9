/** The response to a request that our own readers have read, on Node's ServerResponse. */
import { ServerResponse } from 'node:http';
import type { ClientRequest } from './client-request.js';
import { members } from './fields.js';
import type { RequestHead } from './request-head.js';

/** Between two requests of a persistent connection. */
export const KEEP_ALIVE_MS = 60_000;

/** Assigned to the request's connection. `mayPersist` false: the connection ends with this response. */
export function openResponse(request: ClientRequest, mayPersist: () => boolean): ServerResponse {
  const response = new ServerResponse(request);
  response.shouldKeepAlive = persists(request) && mayPersist();
  // As Node's server does: the client knows how long the connection stays.
  Reflect.set(response, '_keepAliveTimeout', KEEP_ALIVE_MS);
  response.assignSocket(request.socket);
  return response;
}

/** RFC 9110 section 10.1.1: of HTTP/1.0 it is not to be answered. */
export function expectsContinue({ httpVersion, rawHeaders }: RequestHead): boolean {
  return httpVersion === '1.1' && members(rawHeaders, 'expect').includes('100-continue');
}

/** RFC 9112 section 9.3. */
function persists({ httpVersion, rawHeaders }: ClientRequest): boolean {
  const options = members(rawHeaders, 'connection');
  return !options.includes('close') && (httpVersion !== '1.0' || options.includes('keep-alive'));
}

/** Resolves when the last byte of the response has left, or never will. */
export function sent(response: ServerResponse): Promise<void> {
  if (response.writableFinished || response.socket === null || response.socket.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    response.once('finish', resolve).once('close', resolve);
  });
}

/** After it has left. Its listeners hear what they hear of any response. True where the connection ends with it. */
export function closeResponse(response: ServerResponse): boolean {
  if (response.socket !== null) response.detachSocket(response.socket);
  process.nextTick(() => response.emit('close'));
  return Reflect.get(response, '_last') === true;
}
