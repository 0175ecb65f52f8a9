/** Logs what the kernel lets past the proxy: at the start, and whenever that changes, since networks come and go. */
import type { Logger } from 'pino';
import { type KernelState, readKernel } from '../../net/kernel.js';

export interface KernelWatch {
  /** The state now. All false if no door listens beyond loopback, since then no tool comes by a network. */
  now(): { readonly forwards: boolean; readonly takesForgedSources: boolean };
}

const EVERY_MS = 30_000;
const CLOSE_FORWARDING =
  'set the sysctls net.ipv4.ip_forward and net.ipv6.conf.all.forwarding of this container to 0 (docs/security-model.md)';
const CLOSE_SOURCES =
  'set the sysctl net.ipv4.conf.all.rp_filter of this container to 1, and leave IPv6 off on the network of the tools';

type Part = 'forwarding' | 'sources';

const NO_LONGER: Readonly<Record<Part, string>> = {
  forwarding: 'the kernel no longer routes packets past the proxy',
  sources: 'the kernel no longer accepts packets with forged sources',
};

/** `isOutward`: a door listens beyond loopback. Reads again every 30 s for as long as the process lives. */
export function watchKernel(events: Logger, isOutward: boolean, read: () => KernelState = readKernel): KernelWatch {
  if (!isOutward) return { now: () => ({ forwards: false, takesForgedSources: false }) };
  const last: Record<Part, string> = { forwarding: NOTHING, sources: NOTHING };
  const look = (): void => {
    const { ipv4Forwarding, ipv6Forwarding, anySource, routerAdvertisements } = read();
    report('forwarding', { ipv4: ipv4Forwarding, ipv6: ipv6Forwarding });
    report('sources', { anySource, routerAdvertisements });
  };
  const report = (part: Part, interfaces: Readonly<Record<string, readonly string[]>>): void => {
    const text = textOf(interfaces);
    if (text === last[part]) return;
    last[part] = text;
    const event = `kernel-${part}`;
    if (text === NOTHING) events.info({ event, interfaces }, NO_LONGER[part]);
    else if (part === 'forwarding')
      events.error({ event, interfaces, remedy: CLOSE_FORWARDING }, 'the kernel routes packets past the proxy');
    else events.warn({ event, interfaces, remedy: CLOSE_SOURCES }, 'the kernel accepts packets with forged sources');
  };
  look();
  setInterval(look, EVERY_MS).unref();
  return {
    now() {
      const { ipv4Forwarding, ipv6Forwarding, anySource, routerAdvertisements } = read();
      return {
        forwards: ipv4Forwarding.length + ipv6Forwarding.length > 0,
        takesForgedSources: anySource.length + routerAdvertisements.length > 0,
      };
    },
  };
}

const NOTHING = '';

function textOf(interfaces: Readonly<Record<string, readonly string[]>>): string {
  const lists = Object.values(interfaces);
  return lists.every((names) => names.length === 0) ? NOTHING : JSON.stringify(interfaces);
}
