/** Request-targets of ordinary use and the public neighbours of every special range: nothing here may be refused. */
import { RANGE_EDGES } from '../core/range-edges.js';

export interface OrdinaryTarget {
  readonly form: 'authority' | 'absolute';
  readonly target: string;
}

const PUBLIC_HOSTS = [
  ...RANGE_EDGES.flatMap(([, , , before, after]) => [before, after])
    .filter((text) => text.startsWith('+'))
    .map((text) => bracketed(text.slice(1))),
  ...['example.com', 'EXAMPLE.com', 'www.google.com', 'api.github.com', 'registry.example', 'a.b.c.d.e.f.example'],
  ...['xn--bcher-kva.example', '_acme-challenge.example.com', '1.example', '4chan.org', 'r3---sn-4g5e6nzs.example'],
  ...[
    'example.com.',
    'localhost.example.com',
    'metadata.example.com',
    '8.8.8.8',
    '8.8.4.4.',
    '134744072',
    '0x08080808',
  ],
  ...['-a.example', 'a-.example', '-.example'],
  ...['[2606:4700:4700::1111]', '[2001:4860:4860:0:0:0:0:8888]', '[::ffff:8.8.8.8]', '[64:ff9b::8.8.8.8]'],
];

const PUBLIC_PATHS = ['', '/', '/a/../b?x=%00', '?q', "/'!$&()*+,;=:@", '/%2e%2e//'];

export const PUBLIC_TARGETS: readonly OrdinaryTarget[] = PUBLIC_HOSTS.flatMap((host) => [
  ...of(
    'authority',
    [1, 80, 443, 8443, 65_535].map((port) => `${host}:${port}`),
  ),
  ...of(
    'absolute',
    PUBLIC_PATHS.map((path) => `http://${host}${path}`),
  ),
  ...of('absolute', [
    `https://${host}/`,
    `http://${host}:/`,
    `https://${host}:`,
    `HTTP://${host}:8080/`,
    `http://${host}:80/a?b`,
  ]),
]);

/** `text` as a host of a request-target. */
export function bracketed(text: string): string {
  return text.includes(':') ? `[${text}]` : text;
}

function of(form: OrdinaryTarget['form'], targets: readonly string[]): OrdinaryTarget[] {
  return targets.map((target) => ({ form, target }));
}
