/** The name of the process that a record is from: in a cluster the pod, in Docker the container. */
import { hostname } from 'node:os';

/** The longest DNS name (RFC 1035 section 2.3.4), which the names of pods and containers are. */
const LONGEST = 253;

/** POD_NAME, else HOSTNAME, else what the system calls this machine; cut to 253 characters. */
export function instanceName(env: Readonly<Record<string, string | undefined>>): string {
  const name = [env.POD_NAME, env.HOSTNAME].find((text) => text !== undefined && text.trim() !== '') ?? hostname();
  return [...name].slice(0, LONGEST).join('');
}
