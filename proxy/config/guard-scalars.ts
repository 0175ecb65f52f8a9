/** The scalar forms of the section `guard`: paths, images, addresses of tools, what of a container is named. */
import { parseAddress, parsePrefix } from '../core/address.js';
import { parseImagePattern } from '../core/image-pattern.js';
import { form, mismatch, orMismatch, scalar, word } from './scalars.js';

/** A path of a socket, a folder or a file of a container's host, in its shortest spelling: it is compared as text. */
export const absolutePath = form('an absolute path without "//", "." and "..", such as "/srv/project"', (text) =>
  isCleanPath(text) ? text : mismatch(),
);

export const pathOrOff = form(
  'an absolute path without "//", "." and "..", such as "/run/egress-leases", or "off"',
  (text) => (text === 'off' ? null : isCleanPath(text) ? text : mismatch()),
).nullable();

export const imagePattern = form(
  'the name of an image, one that ends in "/*", or "*", such as "docker.io/mcp/*" or "mcp/fetch:latest"',
  (text) => orMismatch(parseImagePattern(text)),
);

export const ipv4Prefix = form('an IPv4 prefix of 16 to 32 bits, such as "172.31.250.128/26"', (text) => {
  const parsed = parsePrefix(text);
  return parsed?.address.family === 4 && parsed.bits >= 16 ? parsed : mismatch();
});

export const ipv4OrOff = form('an IPv4 address, such as "172.31.250.250", or "off"', (text) => {
  if (text === 'off') return null;
  const address = parseAddress(text);
  return address?.family === 4 ? address.text : mismatch();
}).nullable();

/** What images need that change their user by themselves; none of them leads out of the container. */
const CAPABILITIES = [
  'CHOWN',
  'DAC_OVERRIDE',
  'FOWNER',
  'KILL',
  'NET_BIND_SERVICE',
  'SETFCAP',
  'SETGID',
  'SETUID',
] as const;
export const capability = word(CAPABILITIES);

export const containerUser = form('a user name or number, with an optional ":group", such as "1000:1000"', (text) =>
  /^(?:\d{1,10}|[a-z_][a-z0-9_-]{0,31})(?::(?:\d{1,10}|[a-z_][a-z0-9_-]{0,31}))?$/.test(text) ? text : mismatch(),
);

/** A name of the engine's: `shape` is what it may look like. */
export function engineName(expected: string, shape: RegExp) {
  return form(expected, (text) => (shape.test(text) ? text : mismatch()));
}

/** CPUs, with two decimals at most. */
export const cpus = scalar('a number of CPUs from 0.01 to 1024, such as 1 or 0.5', (value) => {
  const number = typeof value === 'string' && /^\d{1,4}(?:\.\d{1,2})?$/.test(value) ? Number(value) : value;
  return typeof number === 'number' && number >= 0.01 && number <= 1024 ? number : mismatch();
});

function isCleanPath(text: string): boolean {
  const segments = text.split('/').slice(1);
  const isShort = segments.every((segment) => segment !== '' && segment !== '.' && segment !== '..');
  return text.startsWith('/') && isShort && text.length <= 1024 && !/[\0:]/.test(text);
}
