/** A small reading of iptables rules: what becomes of a packet that enters a chain. */
import { type Address, contains, type Prefix, parseAddress, parsePrefix } from '../../proxy/core/address.js';

export interface Packet {
  readonly source: Address;
  readonly destination: Address;
  readonly protocol: 'tcp' | 'udp' | 'icmp';
  readonly port: number;
  readonly isReply: boolean;
  readonly inward: string;
  readonly outward: string;
}

export interface Rule {
  readonly chain: string;
  readonly options: ReadonlyMap<string, string>;
}

const ENDS = new Set(['REJECT', 'DROP', 'ACCEPT']);

/** Reads the `-A` lines of restore input or of `iptables-save`, in order. */
export function parseRules(text: string): Rule[] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('-A '))
    .map((line) => parseRule(line));
}

/** `REJECT`, `DROP` or `ACCEPT`, or `RETURN` where the packet leaves the chain again. */
export function walk(rules: readonly Rule[], chain: string, packet: Packet): string {
  for (const rule of rules.filter((candidate) => candidate.chain === chain)) {
    if (!matches(rule, packet)) continue;
    const goto = rule.options.get('-g');
    if (goto !== undefined) return walk(rules, goto, packet);
    const target = rule.options.get('-j') ?? 'LOG';
    if (target === 'RETURN' || ENDS.has(target)) return target;
    const result = target === 'LOG' ? 'RETURN' : walk(rules, target, packet);
    if (result !== 'RETURN') return result;
  }
  return 'RETURN';
}

function parseRule(line: string): Rule {
  const words = line.match(/"[^"]*"|\S+/g) ?? [];
  const options = new Map<string, string>();
  for (let i = 2; i < words.length; i += 2) options.set(words[i] ?? '', words[i + 1] ?? '');
  return { chain: words[1] ?? '', options };
}

/** An option that is not known here fails the test: a rule that is not understood must not pass as one that is. */
function matches(rule: Rule, packet: Packet): boolean {
  return [...rule.options].every(([option, value]) => {
    if (IGNORED.has(option)) return true;
    const check = CHECKS[option];
    if (check === undefined) throw new Error(`no reading of ${option} ${value}`);
    return check(value, packet);
  });
}

const IGNORED = new Set(['-m', '-j', '-g', '--comment', '--limit', '--limit-burst', '--log-prefix', '--reject-with']);
const CHECKS: Readonly<Record<string, (value: string, packet: Packet) => boolean>> = {
  '-s': (value, packet) => contains(prefixOf(value), packet.source),
  '-d': (value, packet) => isDestination(value, packet.destination),
  '-i': (value, packet) => value === packet.inward,
  '-o': (value, packet) => value === packet.outward,
  '-p': (value, packet) => value === packet.protocol,
  '--dport': (value, packet) => isInPorts(value, packet.port),
  '--ctstate': () => true,
  '--ctdir': (value, packet) => packet.isReply === (value === 'REPLY'),
  '--icmpv6-type': () => false,
  '--hl-eq': () => false,
};

function isDestination(value: string, address: Address): boolean {
  const [base = '', mask = ''] = value.split('/');
  if (!mask.includes(':')) return contains(prefixOf(value), address);
  const [wanted, bits] = [parseAddress(base), parseAddress(mask)];
  if (address.family !== 6 || wanted === null || bits === null) return false;
  return address.bytes.every((byte, i) => (byte & (bits.bytes[i] ?? 0)) === wanted.bytes[i]);
}

function isInPorts(value: string, port: number): boolean {
  const [from = 0, to = from] = value.split(':').map(Number);
  return from <= port && port <= to;
}

function prefixOf(text: string): Prefix {
  const prefix = parsePrefix(text);
  if (prefix === null) throw new Error(`${text} is no prefix`);
  return prefix;
}
