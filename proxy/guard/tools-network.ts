/** What the engine says of the tools' network: which addresses the guard may give, and which are taken. */
import { type Prefix, parsePrefix } from '../core/address.js';
import { type Engine, jsonOf } from './engine.js';

export interface ToolsNetwork {
  /** The IPv4 subnet, if a user chose it: in one of its own choice the engine accepts no requested address. */
  readonly subnet: Prefix | null;
  /** The range from which the engine itself gives addresses; null: the whole subnet. */
  readonly ownRange: Prefix | null;
  /** The addresses of the network's gateway and of its containers. */
  readonly taken: readonly Prefix[];
}

const NONE: ToolsNetwork = { subnet: null, ownRange: null, taken: [] };

export async function readToolsNetwork(engine: Engine, name: string): Promise<ToolsNetwork> {
  const { status, body } = await engine.ask({ method: 'GET', path: `/networks/${name}` });
  const network = mapping(jsonOf(body));
  if (status !== 200) return NONE;
  const configs: unknown = mapping(network.IPAM).Config;
  const config = (Array.isArray(configs) ? configs : []).map(mapping).find(({ Subnet }) => v4(Subnet) !== null) ?? {};
  const containers = Object.values(mapping(network.Containers)).map(mapping);
  const taken = [config.Gateway, ...containers.map(({ IPv4Address }) => IPv4Address)];
  return {
    subnet: v4(config.Subnet),
    ownRange: v4(config.IPRange),
    taken: taken.flatMap((text) => (typeof text === 'string' ? (parsePrefix(text.split('/', 1)[0] ?? '') ?? []) : [])),
  };
}

function v4(text: unknown): Prefix | null {
  const prefix = typeof text === 'string' ? parsePrefix(text) : null;
  return prefix?.address.family === 4 && prefix.bits >= 16 ? prefix : null;
}

function mapping(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
