/** Which process of several a record is of: in a cluster the pod, in Docker the container. */
import { hostname } from 'node:os';

/** A DNS name is no longer (RFC 1035 section 2.3.4), and pods and containers are called by one. */
const LONGEST = 253;

/** POD_NAME, else HOSTNAME, else what the system calls this machine; cut to 253 characters. */
export function instanceName(env: Readonly<Record<string, string | undefined>>): string {
  const name = [env.POD_NAME, env.HOSTNAME].find((text) => text !== undefined && text.trim() !== '') ?? hostname();
  return [...name].slice(0, LONGEST).join('');
}
