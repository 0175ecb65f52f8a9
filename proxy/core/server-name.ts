/** `policy.sni`: whether what a client sends fits the destination that was allowed. */
import type { DnsName } from './host-pattern.js';
import type { DenyReason } from './reasons.js';
import type { Host, Target } from './target.js';

/**
 * Ports that IANA registers for a protocol that begins with TLS (https, smtps, nntps, ldaps, DNS over TLS, ftps, imaps,
 * pop3s, sips, amqps, ircs, mqtt over TLS), and the usual second https port. Nothing but TLS passes there in `enforce`.
 */
const TLS_PORTS: ReadonlySet<number> = new Set([
  443, 465, 563, 636, 853, 989, 990, 992, 993, 995, 5061, 5671, 6697, 8443, 8883,
]);

/** Plain text to a port that is for TLS. The same at every door: in a tunnel, in absolute-form, after an Upgrade. */
export function plainTextFault({ port }: Pick<Target, 'port'>): DenyReason | null {
  return TLS_PORTS.has(port) ? 'tls-expected' : null;
}

/**
 * Compares the server name of a ClientHello with the host. For a host that is an address there is nothing to compare: it was
 * allowed as an address, whatever name the client asks it for. A missing name is a fault only where RFC 6066 section 3
 * has one to send, a fully qualified host name: for a single label or a name with an underscore, Java rightly sends none.
 */
export function serverNameFault(sni: DnsName | null, host: Host): DenyReason | null {
  if (host.kind === 'literal') return null;
  if (sni === null) return isQualifiedHostName(host.name) ? 'sni-missing' : null;
  return sni === host.name ? null : 'sni-mismatch';
}

function isQualifiedHostName(name: DnsName): boolean {
  return name.includes('.') && !name.includes('_');
}
