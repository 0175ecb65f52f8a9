/**
 * Whether a refusal proves anything here. A policy engine that rejects (RST, ICMP unreachable) answers in place of a target that
 * was never reached. So addresses that nobody has are tried first (RFC 5737 and RFC 3849: for documentation).
 */
import { isIP } from 'node:net';
import type { Finding, Observation, Seen, Try } from './try.js';

const NOBODY = ['192.0.2.1', '198.51.100.1', '203.0.113.1', '2001:db8::1'];

/** Only for a pod: elsewhere they would leave by the default route. */
export const CONTROLS: readonly Try[] = NOBODY.flatMap((host): Try[] => [
  { area: 'control', way: { kind: 'tcp', to: { host, port: 443 } } },
  { area: 'control', way: { kind: 'udp', to: { host, port: 53 }, protocol: 'dns' } },
]);

type Kind = `${'tcp' | 'udp'}${4 | 6}`;

/** The kinds (protocol and family) of which a refusal proves nothing. */
export function rejectedKinds(seen: readonly Seen[]): ReadonlySet<Kind> {
  return new Set(seen.flatMap(({ each, saw }) => (saw.sight === 'reset' ? (kindOf(each) ?? []) : [])));
}

/** A refusal of such a kind comes from the firewall: nothing was reached. */
export function withoutRejections(each: Try, saw: Observation, rejected: ReadonlySet<Kind>): Observation {
  const kind = kindOf(each);
  return saw.sight === 'reset' && kind !== null && rejected.has(kind) ? { sight: 'rejected', detail: '' } : saw;
}

/** What else a control may show: something answers for addresses that nobody has. */
export function controlNotes(seen: readonly Seen[]): Finding[] {
  if (!seen.some(({ saw }) => saw.sight === 'answered')) return [];
  return [
    {
      area: 'control',
      tried: NOBODY.join(', '),
      state: 'note',
      saw: 'answered',
      meaning:
        'something answers for addresses that nobody has (a mesh, a transparent proxy): what "answered" here may be that',
      remedy: 'run the probe in a pod without the sidecar of the mesh as well',
    },
  ];
}

function kindOf({ way }: Try): Kind | null {
  if (way.kind === 'query') return isIP(way.server) === 6 ? 'udp6' : 'udp4';
  if (way.kind !== 'tcp' && way.kind !== 'udp') return null;
  return `${way.kind}${isIP(way.to.host) === 6 ? 6 : 4}`;
}
