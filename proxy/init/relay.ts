/** Where the host and the other services reach the gateway, through the sidecar's relay. */
import { hostPortText } from '../core/target.js';
import { envLine } from './env-block.js';
import type { Port } from './port.js';
import type { Service } from './stack.js';
import type { Environment } from './variables.js';

const USUAL_PORT = '8811';

/** Lines of `.env` for what the override does not do by itself. */
export function relayOf(gateway: Service, env: Environment): { lines: readonly string[]; notes: readonly string[] } {
  const inside = env.get('EGRESS_GATEWAY_PORT') ?? portInside(gateway);
  const published = gateway.ports.find(({ target }) => target === inside);
  const others = gateway.ports.filter((port) => port !== published).map(({ target }) => target);
  const notes = others.map(
    (port) => `port ${port} of ${gateway.name} is no longer published: the relay carries port ${inside} alone`,
  );
  const insideLine = inside === USUAL_PORT ? [] : [envLine('EGRESS_GATEWAY_PORT', inside)];
  if (published === undefined) return { lines: [...insideLine, envLine('MCP_GATEWAY_PUBLISHED', 'no')], notes };
  return { lines: [...insideLine, ...publishLine(published, env)], notes };
}

/** The port that its command names, else the one that it publishes, else the image's default. */
function portInside({ command, ports }: Service): string {
  const said = /--port[= ](\d+)/.exec(command)?.[1];
  if (said !== undefined) return said;
  return ports.find(({ target }) => target === USUAL_PORT)?.target ?? ports[0]?.target ?? USUAL_PORT;
}

function publishLine({ host, published }: Port, env: Environment): string[] {
  const usual = env.get('MCP_GATEWAY_PORT') || USUAL_PORT;
  const where = published === '' ? usual : published;
  if (host === '' && where === usual) return [];
  return [envLine('MCP_GATEWAY_PUBLISH', host === '' ? where : hostPortText(host, where))];
}
