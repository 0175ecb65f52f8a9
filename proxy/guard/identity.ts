/** Which server a tool belongs to: by its labels, and by its image if the configuration names one. */
import { type GuardConfig, type GuardServer, UNKNOWN_SERVER } from '../config/guard-config.js';
import type { ImageName } from '../core/image-pattern.js';
import { malformed, refused } from './field-reader.js';
import { quote, Refused, refuse } from './refusal.js';
import type { Json } from './strict-json.js';

/** The labels that the guard writes on every container and volume, and accepts from no client. */
export const OWN_LABELS = {
  guard: 'io.mcp-egress-proxy.guard',
  server: 'io.mcp-egress-proxy.server',
  address: 'io.mcp-egress-proxy.address',
  client: 'io.mcp-egress-proxy.client',
  /** `attached`: the container ends with its client; `detached`: it was started without one. */
  life: 'io.mcp-egress-proxy.life',
} as const;

const SERVER_LABEL = 'docker-mcp-name';
const GATEWAY_LABEL = /^docker-mcp(?:-[a-z0-9-]{1,32})?$/;
/** The gateway sets five. Bounded, because each label comes back in the engine's events and lists. */
const MOST_LABELS = 32;
const LABEL_VALUE = /^[\w.\-/ ]{0,128}$/;

export interface Claim {
  readonly server: GuardServer;
  /** The server that the label names, known or not; null without a label. */
  readonly claimed: string | null;
  /** The gateway's own labels. All others are left out, because other programs act on labels. */
  readonly labels: Readonly<Record<string, string>>;
}

export function readLabels(entries: readonly (readonly [string, Json])[], config: GuardConfig): Claim {
  const labels: Record<string, string> = {};
  for (const [key, value] of entries) {
    if (typeof value !== 'string') throw malformed('Labels', 'an object of strings');
    if (!GATEWAY_LABEL.test(key) || value === '') continue;
    if (!LABEL_VALUE.test(value))
      throw malformed(`Labels.${key}`, '128 letters, digits, " ", ".", "/", "_" or "-" at most');
    labels[key] = value;
  }
  if (Object.keys(labels).length > MOST_LABELS)
    throw refused('Labels', `it may have at most ${MOST_LABELS} of the gateway's`);
  const claimed = labels[SERVER_LABEL] ?? null;
  const known = config.servers.find(({ name }) => name === claimed);
  if (known !== undefined) return { server: known, claimed, labels };
  if (config.defaults.unknownServers === 'refuse') {
    const what =
      claimed === null
        ? 'the container has no label docker-mcp-name, which says whose it is'
        : `no server ${quote(claimed)} is configured`;
    throw new Refused(refuse('server-unknown', `${what}: list it in guard.servers`, `Labels.${SERVER_LABEL}`));
  }
  return { server: config.unknown, claimed, labels };
}

/** Throws if the image is not listed, or is not that of the server that the label claims. */
export function admitImage(image: ImageName, server: GuardServer, config: GuardConfig): void {
  if (server.image !== null && !server.image.matches(image)) {
    const message = `the server ${quote(server.name)} has the image ${server.image.text}, not ${image.text}`;
    throw new Refused(refuse('server-image-mismatch', message, 'Image'));
  }
  if (server.image === null && !config.images.some((pattern) => pattern.matches(image)))
    throw new Refused(unlisted(image));
}

/** True if the engine may pull it. An image that is allowed only because it exists (`*`) is never asked for at a registry. */
export function isPullable(image: ImageName, config: GuardConfig): boolean {
  const patterns = [...config.images, ...config.servers.flatMap((server) => server.image ?? [])];
  return patterns.some((pattern) => !pattern.isAny && pattern.matches(image));
}

/** True if some tool may run it, so that a client may inspect it. */
export function isListed(image: ImageName, config: GuardConfig): boolean {
  const patterns = [...config.images, ...config.servers.flatMap((server) => server.image ?? [])];
  return patterns.some((pattern) => pattern.matches(image));
}

export function unlisted(image: ImageName) {
  return refuse(
    'image-not-listed',
    `the image ${image.text} is not listed: add it to guard.images if tools may run it`,
    'Image',
  );
}

/** A DNS label for the container. No other container can have it, since the engine refuses a name that is in use. */
export function containerName(claim: Claim, random: string): string {
  const said = claim.claimed ?? (claim.server.name === UNKNOWN_SERVER ? 'unknown' : claim.server.name);
  const word = said
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-+|-+$/g, '')
    .slice(0, 40);
  return `mcp-${word || 'unknown'}-${random}`;
}
