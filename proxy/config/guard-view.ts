/**
 * What the guard reads of the configuration file: its own section, the names under `clients` that belong to servers, and
 * how to log. The rest is the proxy's, and so are the variables and secrets that it names: the guard's container has none.
 */

type Mapping = Readonly<Record<string, unknown>>;

/** `root`: the file's plain values, before variables are filled in. */
export function guardView(root: unknown): unknown {
  if (!isMapping(root)) return root;
  const { version, guard, clients, log } = root;
  return {
    version,
    ...(guard === undefined ? {} : { guard }),
    ...(Array.isArray(clients) ? { clients: clients.map(clientView) } : {}),
    ...(isMapping(log) ? { log: pick(log, ['level', 'format']) } : {}),
  };
}

/** A client without a server stays, since `guard.servers` may name it; its token is nobody's. */
function clientView(client: unknown, index: number): unknown {
  if (!isMapping(client)) return client;
  const own = pick(client, ['name', 'server']);
  return 'server' in own ? own : { ...own, token: `not-read-${index}` };
}

function pick(value: Mapping, keys: readonly string[]): Mapping {
  return Object.fromEntries(Object.entries(value).filter(([key]) => keys.includes(key)));
}

function isMapping(value: unknown): value is Mapping {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
