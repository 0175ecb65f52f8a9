/** The scalar forms of `upstream`, the parent proxy. */
import { parsePrefix } from '../core/address.js';
import type { ParentExemption } from '../core/parent.js';
import type { HostPort } from './places.js';
import { form, isMismatch, type Mismatch, mismatch, readHostPattern, readHostPort } from './scalars.js';

/** Never shown where it is wrong: a password may be in it. */
export const parentUrl = form(
  'the URL of a proxy, such as "http://user:password@proxy.corp:3128" or "socks5://proxy.corp:1080"',
  readParentUrl,
);

export const exemption = form(
  'a name, *.suffix, an address or a prefix, such as "*.corp.example" or "198.51.100.0/24"',
  readExemption,
);

export interface ParentUrl {
  readonly protocol: 'http' | 'socks5';
  readonly at: HostPort;
  readonly credentials: { readonly user: string; readonly password: string } | null;
}

/** Credentials are percent-decoded (RFC 3986 section 3.2.1), and have to fit the length octets of RFC 1929. */
function readParentUrl(text: string): ParentUrl | Mismatch {
  const match = /^(http|socks5|socks5h):\/\/(?:([^:@/]*)(?::([^@/]*))?@)?([^@/]+)\/?$/i.exec(text);
  const [, scheme = '', user, password = '', authority = ''] = match ?? [];
  const at = readHostPort(authority, 1);
  const decoded = user === undefined ? [] : [decodedText(user), decodedText(password)];
  if (match === null || isMismatch(at) || decoded.some((one) => one === null || one.length > 255)) return mismatch();
  const [name, secret] = decoded;
  const credentials = user === undefined ? null : { user: name ?? '', password: secret ?? '' };
  return { protocol: scheme.toLowerCase() === 'http' ? 'http' : 'socks5', at, credentials };
}

function decodedText(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}

function readExemption(text: string): ParentExemption | Mismatch {
  const prefix = parsePrefix(text);
  if (prefix !== null) return { kind: 'address', prefix };
  const host = readHostPattern(text);
  return isMismatch(host) ? host : { kind: 'host', host };
}
