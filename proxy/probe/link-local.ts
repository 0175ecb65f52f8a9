/** Whether an address belongs to one link alone. */

/** fe80::/10 (RFC 4291): an address of one link, which means nothing without the link. */
export function isLinkLocal(address: string): boolean {
  return /^fe[89ab]/i.test(address);
}
