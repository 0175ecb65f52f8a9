/**
 * Request-targets that have to be refused without a dial, each with the reasons that are right for it: several
 * hundred, from the edges of every range, every spelling of an address, and everything that is no target at all.
 */
import { type Address, parseAddress } from '../../proxy/core/address.js';
import type { DenyReason } from '../../proxy/core/reasons.js';
import { RANGE_EDGES } from '../core/range-edges.js';
import { bracketed } from './public-targets.js';

export interface HostileTarget {
  readonly form: 'authority' | 'absolute';
  readonly target: string;
  readonly reasons: readonly DenyReason[];
}

const PROHIBITED: readonly DenyReason[] = ['address-prohibited', 'metadata-address'];
const MALFORMED: readonly DenyReason[] = ['malformed-target'];
const MALFORMED_LINE: readonly DenyReason[] = ['malformed-target', 'malformed-request'];

const INNER = [
  ...['127.0.0.1', '127.255.255.254', '0.0.0.0', '10.0.0.1', '172.16.0.1', '192.168.1.1', '100.64.0.1'],
  ...['100.100.100.100', '169.254.169.254', '169.254.170.2', '168.63.129.16', '224.0.0.1', '255.255.255.255'],
];

const METADATA = [
  ...['169.254.169.254', '169.254.170.2', '168.63.129.16', '100.100.100.200', '192.0.0.192', '169.254.169.123'],
  ...['[fd00:ec2::254]', '[fd20:ce::254]', '[fd00:100::100:200]', '[fd00:c1::a9fe:a9fe]', '[fe80::a9fe:a9fe]'],
];

const SPECIAL_NAMES = [
  ...['localhost', 'LOCALHOST', 'localhost.', 'a.localhost', 'localhost.localdomain', 'ip6-localhost', 'ip6-loopback'],
  ...['host.docker.internal', 'gateway.docker.internal', 'kubernetes.docker.internal', 'host.containers.internal'],
  ...['kubernetes.default.svc', 'kubernetes.default.svc.cluster.local'],
];

const METADATA_NAMES = ['metadata.google.internal', 'METADATA.google.internal.', 'metadata', 'metadata.tencentyun.com'];

/** Hosts that are neither a literal nor a name. */
const BROKEN_HOSTS = [
  // IPv4 that overflows, or has a part that is no number
  ...['256.0.0.1', '127.0.0.256', '1.2.3.4.5', '4294967296', '4294967423', '0x100000000', '0400.0.0.1', '127.0.65536'],
  ...['18446744073709551617', '127.0.0.08', '127..1', '127.0.0.1..', '.127.0.0.1', '0x7f.0x0.0x0.0xg.1', '1e1.1.1.1.1'],
  // percent-encoding (RFC 3986 section 3.2.2 allows it, DNS does not know it)
  ...['127.0.0%2e1', '%31%32%37.0.0.1', '%6c%6f%63alhost', '127%2E0%2E0%2E1', 'example%00.com', '%5b::1%5d'],
  // full-width and circled digits, ideographic full stops, as UTF-8
  ...['１２７.0.0.1', '①②⑦.⓪.⓪.①', '127。0。0。1', '127．0．0．1', 'ⓛocalhost', 'ｌocalhost', 'loc\u00adalhost'],
  // brackets
  ...['[::1', '::1]', '[[::1]]', '[]', '[::1]x', 'x[::1]', '[127.0.0.1]', '[localhost]', '[::ffff:127.1]', '[1:2:3]'],
  ...['[::ffff:0177.0.0.1]', '[::1/128]', '[v1.fe80]', '[1::2::3]', '[00001::]', '[::g]', '[ ::1]', '[::1 ]'],
  // an address without its brackets cannot be told from a port
  ...['::1', '::', 'fe80::1', '2001:db8::1', '0:0:0:0:0:0:0:1'],
  // labels that are no labels
  ...['..', '.', 'a..b', '.a', 'a,b', 'a;b', "a'b", 'a"b', 'a<b', 'a|b', 'a\\b', 'a^b', 'a`b', 'a{b'],
  ...[`${'a'.repeat(64)}.com`, `${'a.'.repeat(127)}com`, '*', '*.com', 'a*b', '$', '!', '(', '~', 'a+b', 'a=b', 'a&b'],
];

const ZONES = [
  '[fe80::1%eth0]',
  '[fe80::1%25eth0]',
  '[::1%lo]',
  '[::1%25lo]',
  '[::1%]',
  '[2606:4700::1%1]',
  '[fe80::1%251]',
];

const BAD_PORTS = [
  '0',
  '00',
  '00080',
  '080',
  '65536',
  '65979',
  '4294967376',
  '-80',
  '+80',
  '8e1',
  '0x50',
  '80a',
  '８０',
];

/** Octets that have no place in any request-target; over a socket some of them end the request-line early. */
const CONTROLS = ['\0', '\r', '\n', '\t', ' ', '\x0b', '\x0c', '\x7f', '\r\n', '\x1b'];

export const HOSTILE_TARGETS: readonly HostileTarget[] = [
  ...RANGE_EDGES.flatMap(([, first, last]) => both(new Set([bracketed(first), bracketed(last)]), PROHIBITED)),
  ...both(new Set(METADATA), ['metadata-address']),
  ...both(new Set(INNER.flatMap((text) => spellings(text))), PROHIBITED),
  ...both(new Set(INNER.flatMap((text) => embeddings(text))), PROHIBITED),
  ...both(new Set(embeddings('8.8.8.8').filter((text) => !/ffff:808|ffff:8\.8|9b::8/i.test(text))), PROHIBITED),
  ...both(new Set(SPECIAL_NAMES), ['address-prohibited']),
  ...both(new Set(METADATA_NAMES), ['metadata-address']),
  ...both(new Set(BROKEN_HOSTS), MALFORMED),
  ...both(new Set(ZONES), ['zone-identifier', 'malformed-target']),
  ...BAD_PORTS.flatMap((port) => both(new Set(['example.com', '8.8.8.8', '[2606:4700::1111]']), MALFORMED, port)),
  ...CONTROLS.flatMap((octet) => controls(octet)),
  ...forms('authority', MALFORMED, [
    // Of a URL an empty port is the one of its scheme; of an authority-form it is none.
    ...['example.com:', '8.8.8.8:', '[2606:4700::1111]:'],
    ...['example.com', '8.8.8.8', '[2606:4700::1111]', 'example.com/', 'http://example.com:80', 'https://example.com'],
    ...[
      'example.com:443/',
      'example.com:443/path',
      'example.com:443?q',
      'example.com:443#f',
      ':443',
      '@:443',
      '*',
      '/',
    ],
    ...[
      'user@example.com:443',
      'user:pass@example.com:443',
      '127.0.0.1:80@example.com:443',
      'example.com:443@127.0.0.1',
    ],
    ...[
      'example.com:443:443',
      'example.com:80:443',
      '//example.com:443',
      'example.com,evil.example:443',
      '443',
      '::1:443',
    ],
  ]),
  ...forms('absolute', MALFORMED, [
    ...[
      'http://',
      'http:///',
      'http:///path',
      'http:example.com',
      'http:/example.com',
      'http//example.com',
      '//example.com/',
    ],
    ...['ftp://example.com/', 'file:///etc/passwd', 'gopher://example.com/', 'javascript:alert(1)'],
    ...[
      'http://user@example.com/',
      'http://user:pass@example.com/',
      'http://8.8.8.8@127.0.0.1/',
      'http://a@b@c/',
      'http://@/',
    ],
    ...['http://127.0.0.1:80@example.com/', 'http://example.com#@127.0.0.1/', 'http://example.com\\@127.0.0.1/'],
    ...[
      'http://127.0.0.1\\@example.com/',
      'http:\\\\127.0.0.1/',
      'http://example.com/#fragment',
      'http://?@127.0.0.1/',
    ],
    ...[
      'http:// example.com/',
      'http://example.com/a b',
      'http://example.com:80:80/',
      'http://[::1]:80:80/',
      'http://:80/',
    ],
    ...[
      'httpx://example.com/',
      ' http://example.com/',
      'http ://example.com/',
      'http://http://127.0.0.1/',
      'http://%/',
    ],
  ]),
];

/** Every spelling of the URL standard's IPv4 parser for the same four octets, and the mapped ones of IPv6. */
function spellings(text: string): string[] {
  const [a = 0, b = 0, c = 0, d = 0] = octets(text);
  const value = ((a * 256 + b) * 256 + c) * 256 + d;
  const hex = (n: number): string => `0x${n.toString(16)}`;
  const octal = (n: number): string => `0${n.toString(8)}`;
  return [
    ...[text, `${text}.`, String(value), `${value}.`, hex(value), hex(value).toUpperCase(), octal(value)],
    ...[`${a}.${(b * 256 + c) * 256 + d}`, `${a}.${b}.${c * 256 + d}`, `${hex(a)}.${octal(b)}.${c}.${hex(d)}`],
    ...[
      [a, b, c, d].map(hex).join('.'),
      [a, b, c, d].map(octal).join('.'),
      `${octal(a)}.${hex((b * 256 + c) * 256 + d)}`,
    ],
    ...[`0x00000000${value.toString(16)}`, `0000000000${value.toString(8)}`, `${hex(a)}.${b}.${c * 256 + d}`],
  ];
}

/** Every IPv6 form of embedded.ts around the same four octets, in hexadecimal and with a dotted tail. */
function embeddings(text: string): string[] {
  const [a = 0, b = 0, c = 0, d = 0] = octets(text);
  const groups = (...of: number[]): string =>
    `${((of[0] ?? 0) * 256 + (of[1] ?? 0)).toString(16)}:${((of[2] ?? 0) * 256 + (of[3] ?? 0)).toString(16)}`;
  const tails = [text, groups(a, b, c, d)];
  const prefixes = [
    '::ffff:',
    '0:0:0:0:0:ffff:',
    '::FFFF:',
    '64:ff9b::',
    '64:ff9b:1::',
    '::',
    '::ffff:0:',
    'fe80::5efe:',
  ];
  const isatap = ['2606:4700:1:2:0:5efe:', '2606:4700:1:2:200:5efe:', '2001:db8::5efe:', 'fe80::200:5efe:'];
  const around = [...prefixes, ...isatap].flatMap((prefix) => tails.map((tail) => `[${prefix}${tail}]`));
  const teredo = groups(a ^ 255, b ^ 255, c ^ 255, d ^ 255);
  return [...around, `[2002:${tails[1]}::1]`, `[2002:${tails[1]}::]`, `[2001:0:4136:e378:8000:63bf:${teredo}]`];
}

function controls(octet: string): HostileTarget[] {
  const hosts = [`${octet}example.com`, `exam${octet}ple.com`, `example.com${octet}`, `127.0.0.1${octet}`];
  return [
    ...forms('authority', MALFORMED_LINE, [...hosts.map((host) => `${host}:443`), `example.com:${octet}443`]),
    ...forms('absolute', MALFORMED_LINE, [...hosts.map((host) => `http://${host}/`), `http://example.com/a${octet}b`]),
    ...forms('absolute', MALFORMED_LINE, [`http:${octet}//example.com/`, `http://example.com:80${octet}/`]),
  ];
}

function both(hosts: ReadonlySet<string>, reasons: readonly DenyReason[], port?: string): HostileTarget[] {
  return [...hosts].flatMap((host) => [
    ...forms('authority', reasons, [`${host}:${port ?? '443'}`]),
    ...forms('absolute', reasons, [`http://${host}${port === undefined ? '' : `:${port}`}/`]),
  ]);
}

function forms(
  form: HostileTarget['form'],
  reasons: readonly DenyReason[],
  targets: readonly string[],
): HostileTarget[] {
  return targets.map((target) => ({ form, target, reasons }));
}

function octets(text: string): readonly number[] {
  const address: Address | null = parseAddress(text);
  if (address === null) throw new Error(`${text} is no address`);
  return address.bytes;
}
