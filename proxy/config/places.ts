/** Where something listens or is reached, as the configuration says it. */
import type { Prefix } from '../core/address.js';
import type { DnsName } from '../core/target.js';

export interface HostPort {
  readonly host: string;
  /** 0 to 65535; 0 picks a free port. */
  readonly port: number;
}

/** One address, or some, of the host that the proxy runs on. `gateway`: the next hop of the default route. */
export type HostAddress =
  | { readonly kind: 'prefix'; readonly prefix: Prefix }
  | { readonly kind: 'name'; readonly name: DnsName }
  | { readonly kind: 'gateway' };
