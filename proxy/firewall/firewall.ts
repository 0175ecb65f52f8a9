/** The command `firewall`: prints the host's packet filter rules of the same policy. It changes nothing itself. */
import { parseArgs } from 'node:util';
import { parseAddress, parsePrefix } from '../core/address.js';
import type { Policy } from '../core/policy.js';
import { classify } from '../core/special-purpose.js';
import { hostRules } from './host-rules.js';
import { type Format, removalText, rulesText } from './rule-text.js';
import type { SlotValues } from './template.js';

export interface FirewallIo {
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  readonly policy: Policy;
}

interface Request {
  readonly format: Format;
  readonly remove: boolean;
  readonly values: SlotValues;
}

const USAGE = `usage: egress-proxy firewall --subnet CIDR [--subnet CIDR ...] [--interface NAME ...] [--dns ADDRESS ...]
                             [--format iptables|nftables] [--remove]
`;

/** Exit code 0, or 2 where the arguments are wrong; then every error is on stderr and nothing on stdout. */
export function firewall(argv: readonly string[], io: FirewallIo): number {
  const request = parseRequest(argv);
  if (Array.isArray(request)) {
    io.stderr(`${request.map((error) => `firewall: ${error}\n`).join('')}${USAGE}`);
    return 2;
  }
  const { format, remove, values } = request;
  io.stdout(remove ? removalText(format) : rulesText(format, hostRules(io.policy), values));
  if (!remove && values.subnet6.length + values.interface.length === 0) io.stderr(IPV4_ONLY);
  return 0;
}

const IPV4_ONLY =
  'firewall: only IPv4 subnets are named: these rules catch no IPv6. Where the network has IPv6, name its subnet or bridge.\n';

function parseRequest(argv: readonly string[]): Request | string[] {
  const options = readOptions(argv);
  if (typeof options === 'string') return [options];
  const errors: string[] = [];
  const take = (texts: readonly string[] | undefined, read: (text: string) => Taken): string[] => {
    const taken = (texts ?? []).map(read);
    errors.push(...taken.flatMap((one) => (one.ok ? [] : [one.error])));
    return [...new Set(taken.flatMap((one) => (one.ok ? [one.text] : [])))];
  };
  const subnets = take(options.subnet, takeSubnet);
  const resolvers = take(options.dns, takeResolver);
  const interfaces = take(options.interface, takeInterface);
  const { format } = options;
  if (format !== 'iptables' && format !== 'nftables') errors.push(`--format ${format}: iptables or nftables`);
  if (subnets.length === 0 && !options.remove && errors.length === 0) errors.push('--subnet is missing');
  if (errors.length > 0) return errors;
  const values = slots(subnets, resolvers, interfaces);
  return { format: format === 'nftables' ? 'nftables' : 'iptables', remove: options.remove, values };
}

function readOptions(argv: readonly string[]) {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        subnet: { type: 'string', multiple: true },
        interface: { type: 'string', multiple: true },
        dns: { type: 'string', multiple: true },
        format: { type: 'string', default: 'iptables' },
        remove: { type: 'boolean', default: false },
      },
    });
    return values;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

type Taken = { readonly ok: true; readonly text: string } | { readonly ok: false; readonly error: string };

function takeSubnet(text: string): Taken {
  const prefix = text.includes('/') ? parsePrefix(text) : null;
  if (prefix === null) return bad(`--subnet ${text}: an address, "/" and a length, no bits set after the length`);
  if (prefix.bits === 0) return bad(`--subnet ${text}: names every address, the host's own too`);
  return { ok: true, text: prefix.text };
}

/** Port 53 of a metadata address would be open, and nothing opens these. */
function takeResolver(text: string): Taken {
  const address = parseAddress(text);
  if (address === null) return bad(`--dns ${text}: an IPv4 or IPv6 address`);
  const kind = classify(address);
  if (kind.kind === 'never') return bad(`--dns ${text}: ${kind.what}; nothing opens it`);
  return { ok: true, text: `${address.text}/${address.family === 4 ? 32 : 128}` };
}

/** The kernel's limit is 15 bytes; the characters are those that need no quoting in either form. */
function takeInterface(text: string): Taken {
  if (!/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,14}$/.test(text)) return bad(`--interface ${text}: the name of a bridge`);
  return { ok: true, text };
}

function slots(subnets: readonly string[], resolvers: readonly string[], interfaces: readonly string[]): SlotValues {
  const isIPv6 = (text: string) => text.includes(':');
  const isIPv4 = (text: string) => !isIPv6(text);
  return {
    subnet4: subnets.filter(isIPv4),
    subnet6: subnets.filter(isIPv6),
    interface: interfaces,
    dns4: resolvers.filter(isIPv4),
    dns6: resolvers.filter(isIPv6),
  };
}

function bad(error: string): Taken {
  return { ok: false, error };
}
