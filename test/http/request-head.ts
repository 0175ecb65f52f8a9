/** A request's head as the reader makes it, for what is tested without a reader. */
import { noted, type RequestHead } from '../../proxy/http/request-head.js';

export function requestHead(rawHeaders: readonly string[], httpVersion = '1.1', method = 'GET'): RequestHead {
  return { method, url: 'http://a/', httpVersion, rawHeaders, noted: noted(rawHeaders) };
}
