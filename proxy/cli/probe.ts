/** The command `probe`: run from a tool's seat, it tries every way out and says what is open. */
import { isIP } from 'node:net';
import { probe } from '../probe/probe.js';
import { countOf, renderTable } from '../probe/table.js';
import type { HostAndPort } from '../probe/try.js';
import { command, EXIT, UsageError } from './command.js';

/** Exit code 0: nothing is open but the proxy; 1: something is, or tools will not work like this; 2: usage. */
export const probeCommand = command({
  name: 'probe',
  synopsis: '[--json] [--public ADDRESS:PORT ...] [--target HOST:PORT ...] [--zone NAME]',
  details: `
Run it where a tool runs: docker run --rm --network <tools network> mcp-egress-proxy probe
  --public   tried instead of well-known public addresses
  --target   must be closed as well: a host, a published port, a service of yours
  --zone     the zone under which a random name is asked for (example.com)`,
  options: {
    json: { type: 'boolean' },
    public: { type: 'string', multiple: true },
    target: { type: 'string', multiple: true },
    zone: { type: 'string' },
  },
  async run(values, _operands, io) {
    const publicTargets = (values.public ?? []).map(readHostAndPort);
    const targets = (values.target ?? []).map(readHostAndPort);
    if (publicTargets.some(({ host }) => isIP(host) === 0)) throw new UsageError('--public is ADDRESS:PORT');
    const findings = await probe({ zone: values.zone ?? 'example.com', publicTargets, targets }, io.env);
    const open = countOf(findings, 'open');
    const wrong = countOf(findings, 'wrong');
    io.stdout(values.json === true ? `${JSON.stringify({ open, wrong, findings }, null, 2)}\n` : renderTable(findings));
    return open + wrong === 0 ? EXIT.ok : EXIT.failed;
  },
});

function readHostAndPort(text: string): HostAndPort {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^\s:[\]]+)):(\d{1,5})$/i.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port < 1 || port > 65_535) throw new UsageError('a target is HOST:PORT');
  return { host: match[1] ?? match[2] ?? '', port };
}
