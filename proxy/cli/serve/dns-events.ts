/** Events about the DNS servers: that they changed, and what is wrong with them. */
import type { Config } from '../../config/config.js';
import { serverText } from '../../net/dns-server.js';
import { exposedServers } from '../../net/exposed-servers.js';
import type { DnsSettings } from '../../net/resolv-conf.js';

/** The part of the event log that is used. */
export interface EventLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

/** For `onDnsSettings` of the app, which calls it with the first settings and with each change. */
export function dnsEvents(
  events: EventLog,
  config: Pick<Config, 'steer'> & { readonly listen: Pick<Config['listen'], 'proxy' | 'socks'> },
  platform: NodeJS.Platform = process.platform,
): (settings: DnsSettings) => void {
  const { proxy, socks } = config.listen;
  const doors = [proxy, socks, config.steer.dns, config.steer.http, config.steer.tls];
  const hosts = doors.flatMap((door) => (door === null ? [] : [door.host]));
  let isFirst = true;
  return ({ servers, search }) => {
    if (!isFirst)
      events.info({ event: 'dns-servers', servers: servers.map(serverText), search }, 'DNS servers changed');
    isFirst = false;
    const exposed = exposedServers(servers, hosts).map(serverText);
    if (exposed.length > 0) {
      const fields = { event: 'dns-server-exposed', servers: exposed };
      events.warn(fields, 'tools share a network with these DNS servers, and could forge their answers');
    }
    // Some releases of Node read no servers from the registry and fall back to the machine itself.
    if (platform === 'win32' && servers.every(({ host }) => host === '127.0.0.1')) {
      events.warn({ event: 'dns-servers-unknown' }, "Node did not find the system's DNS servers: set dns.servers");
    }
  };
}
