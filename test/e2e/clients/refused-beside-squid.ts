/** The raw cases that Squid lets through and we refuse, each with the reason. docs/beside-squid.md shows the same. */

const CONTENT =
  'Two readers may end the content at different places: what follows would be a request that nobody vetted';
const LINES = 'Readers differ on where the line, the method or the target ends; RFC 9112 lets a recipient refuse';
const HOST = 'RFC 9112 section 3.2 requires 400: the origin could serve another host than the one that was vetted';
const VERSION = 'No RFC defines it for this place, and readers differ on what such a message may hold';
const TUNNEL = 'What follows the head of a CONNECT belongs to the tunnel: content there could be read as a request';
const AFTER_CONNECT =
  'RFC 9931 section 2: bytes that were meant for the tunnel are not a request, and the connection ends';
const MEMORY = 'Bounded, as is everything that a client can make grow (limits.headerBytes, limits.headerFields)';
const TARGET =
  'RFC 9110 section 4.2.4, RFC 9112 section 3.2.2: not part of a request-target, and it hides the host from a reader';
const ANSWER = 'The origin may smuggle an answer: two readers may end this one at different places';
const POLICY = 'This is what the proxy is for';

export const REFUSED_HERE: Readonly<Record<string, string>> = {
  'Content-Length before Transfer-Encoding': CONTENT,
  'Transfer-Encoding before Content-Length': CONTENT,
  'the same Content-Length twice': CONTENT,
  'a list of Content-Lengths': CONTENT,
  'a Content-Length after a vertical tab': CONTENT,
  'a trailer that looks like framing': CONTENT,
  'a Host among the trailers': CONTENT,
  identity: CONTENT,
  'chunked after a vertical tab': CONTENT,
  'Transfer-Encoding on a folded line': CONTENT,
  'Transfer-Encoding in HTTP/1.0': CONTENT,
  'Transfer-Encoding in CONNECT': TUNNEL,
  'a chunk extension of 64 KiB': MEMORY,
  'a trailer of 64 KiB': MEMORY,
  'bare LF as the end of every line': LINES,
  'bare LF as the end of one field line': LINES,
  'bare CR as the end of a field line': LINES,
  'bare CR inside a field value': LINES,
  'a folded line': LINES,
  'a space before the first field line': LINES,
  'HTTP/1.2': VERSION,
  'HTTP/0.9, version and all': VERSION,
  'HTTP/0.9 without a version': VERSION,
  'a version in lower case': VERSION,
  'a space after the version': LINES,
  'a tab in the request-line': LINES,
  'a space in the target': LINES,
  'a method in lower case': LINES,
  'userinfo in the target': TARGET,
  'a fragment in the target': TARGET,
  'more fields than limits.headerFields': MEMORY,
  'two spaces in the request-line': LINES,
  'no Host': HOST,
  'an empty Host': HOST,
  'the same Host twice': HOST,
  'two Hosts that differ': HOST,
  'a Host with a space': HOST,
  'a Host with userinfo': HOST,
  'a Host with a path': HOST,
  'a list of Hosts': HOST,
  'TRACE with no hops left':
    'Squid reflects the request, credentials and all, to whoever asks (RFC 9110 section 9.3.8)',
  'wrong proxy credentials': 'Wrong credentials are refused wherever they are given; this Squid knows no users',
  'a request that has been here before':
    'A loop: it would come round until it has taken every connection (RFC 9110 section 7.6.3)',
  'CONNECT without Host': HOST,
  'CONNECT with another Host': HOST,
  'CONNECT with another port in Host': HOST,
  'CONNECT with two Hosts': HOST,
  'CONNECT with content': TUNNEL,
  'CONNECT with two spaces': LINES,
  'a request after a refused CONNECT': AFTER_CONNECT,
  'a CONNECT after a refused CONNECT': AFTER_CONNECT,
  'a refused CONNECT after a request': AFTER_CONNECT,
  'CONNECT to the proxy itself': POLICY,
  'from the origin: Content-Length beside Transfer-Encoding': ANSWER,
  'from the origin: a Content-Length of a comma': ANSWER,
  'from the origin: an empty member before a Content-Length': ANSWER,
  'from the origin: bare CR in a field': ANSWER,
  'from the origin: a body without a head': ANSWER,
  'from the origin: HTTP/2': ANSWER,
  'from the origin: a status line and nothing else': ANSWER,
};
