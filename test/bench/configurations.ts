/** The configuration of each contender: one listener, one refused address, an access log. */
import { ORIGIN_ADDRESS, REFUSED_ADDRESS } from './sandbox.js';

/** Two descriptors each, and 5,000 tunnels. */
const MAX_CONNECTIONS = 8000;

export interface OurPorts {
  readonly port: number;
  readonly adminPort: number;
  readonly stream: number;
  readonly http: number;
  readonly dns: number;
  /** Doors that no workload measures. */
  readonly others?: { readonly socks: number; readonly tls: number };
}

/** The shipped defaults, with room for the tunnels of the bench and the origin as the one internal exception. */
export function ourPolicy(ports: OurPorts): string {
  const { others } = ports;
  const socks = others === undefined ? '' : `, socks: "127.0.0.1:${others.socks}"`;
  const steer = others === undefined ? '' : `steer: { tls: "127.0.0.1:${others.tls}" }\n`;
  const steered = others === undefined ? '' : ', 443';
  return `version: 1
listen: { proxy: "127.0.0.1:${ports.port}", admin: "127.0.0.1:${ports.adminPort}"${socks} }
${steer}dns: { servers: ["${ORIGIN_ADDRESS}:${ports.dns}"] }
policy:
  mode: enforce
  default: public
  internal:
    - { address: ${ORIGIN_ADDRESS}/32, ports: [${ports.stream}, ${ports.http}${steered}] }
limits: { connections: ${MAX_CONNECTIONS}, connectionsPerClient: ${MAX_CONNECTIONS} }
log: { level: info, format: json }
`;
}

export function squidConfiguration(port: number, folder: string): string {
  return `http_port 127.0.0.1:${port}
pid_filename ${folder}/squid.pid
access_log stdio:${folder}/access.log
cache_log ${folder}/cache.log
cache deny all
cache_mem 8 MB
coredump_dir ${folder}
max_filedescriptors ${2 * MAX_CONNECTIONS}
hosts_file /etc/hosts
pinger_enable off
shutdown_lifetime 0 seconds
visible_hostname bench
acl refused dst ${REFUSED_ADDRESS}/32
acl origin dst ${ORIGIN_ADDRESS}/32
http_access deny refused
http_access allow origin
http_access deny all
`;
}

export function tinyproxyConfiguration(port: number, folder: string, ports: readonly number[]): string {
  return `Port ${port}
Listen 127.0.0.1
Timeout 600
LogFile "${folder}/tinyproxy.log"
LogLevel Connect
MaxClients ${MAX_CONNECTIONS}
${ports.map((one) => `ConnectPort ${one}`).join('\n')}
`;
}

export function haproxyConfiguration(port: number, originPort: number): string {
  return `global
  maxconn ${MAX_CONNECTIONS}
defaults
  mode tcp
  timeout connect 10s
  timeout client 10m
  timeout server 10m
listen bench
  bind 127.0.0.1:${port}
  server origin ${ORIGIN_ADDRESS}:${originPort}
`;
}
