/** The command `probe`: run from a tool's seat, it tries every way out and says what is open. */
import { isIP } from 'node:net';
import { itemsOf } from '../config/environment.js';
import { probe } from '../probe/probe.js';
import { countOf, renderTable } from '../probe/table.js';
import type { HostAndPort } from '../probe/try.js';
import { command, EXIT, UsageError } from './command.js';

/** Exit code 0: nothing is open but the proxy; 1: something is, or tools will not work like this; 2: usage. */
export const probeCommand = command({
  name: 'probe',
  synopsis: '[--json] [--public ADDRESS:PORT ...] [--target HOST:PORT ...] [--host ADDRESS ...] [--zone NAME]',
  details: `  Tries every way out from where it runs, and prints which are open. Run it where a tool runs:
  docker run --rm --network <tools network> mcp-egress-proxy probe
  In a pod it also tries the ways out of a cluster; EGRESS_PROBE_NODE has the addresses of the node (status.hostIP).
  --json                 prints one JSON object: open, wrong, findings
  --public ADDRESS:PORT  is tried instead of well-known public addresses
  --target HOST:PORT     must be closed, too: a host, a published port, a service of yours
  --host ADDRESS         an address of the host as seen from outside: the proxy must not connect to it
                         (those in EGRESS_HOST_ADDRESSES are tried as well)
  --zone NAME            the zone in which a random name is looked up (example.com)
  exit code: 0 nothing is open but the proxy, 1 something is, or tools will not work like this`,
  options: {
    json: { type: 'boolean' },
    public: { type: 'string', multiple: true },
    target: { type: 'string', multiple: true },
    host: { type: 'string', multiple: true },
    zone: { type: 'string' },
  },
  async run(values, _operands, io) {
    const publicTargets = (values.public ?? []).map(readHostAndPort);
    const targets = (values.target ?? []).map(readHostAndPort);
    if (publicTargets.some(({ host }) => isIP(host) === 0))
      throw new UsageError('--public is ADDRESS:PORT, such as 192.0.2.1:443: a name would need DNS');
    const hosts = values.host ?? [];
    if (hosts.some((host) => isIP(host) === 0)) throw new UsageError('--host is an IPv4 or IPv6 address');
    const known = itemsOf(io.env.EGRESS_HOST_ADDRESSES).filter((item) => isIP(item) !== 0);
    const request = {
      zone: values.zone ?? 'example.com',
      publicTargets,
      targets,
      hosts: [...new Set([...hosts, ...known])],
    };
    const findings = await probe(request, io.env);
    const open = countOf(findings, 'open');
    const wrong = countOf(findings, 'wrong');
    io.stdout(values.json === true ? `${JSON.stringify({ open, wrong, findings }, null, 2)}\n` : renderTable(findings));
    return open + wrong === 0 ? EXIT.ok : EXIT.failed;
  },
});

function readHostAndPort(text: string): HostAndPort {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^\s:[\]]+)):(\d{1,5})$/i.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port < 1 || port > 65_535) throw new UsageError(`${text} is not HOST:PORT`);
  return { host: match[1] ?? match[2] ?? '', port };
}
