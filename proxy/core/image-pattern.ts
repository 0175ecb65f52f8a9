/**
 * Names of container images, as `distribution/reference` reads them, and the patterns that a configuration has for them.
 * Names are compared in their full form only (`docker.io/library/x:latest`), so that two spellings are one image, and what
 * an engine would take for an image id never matches.
 */

export interface ImageName {
  /** Domain and path: `docker.io/mcp/fetch`. */
  readonly name: string;
  /** Null where a digest names the image; `latest` where neither was written. */
  readonly tag: string | null;
  readonly digest: string | null;
  /** What is sent to the engine. */
  readonly text: string;
}

export interface ImagePattern {
  readonly text: string;
  /** `*`: matches every image that the engine has already, but allows none to be pulled. */
  readonly isAny: boolean;
  matches(image: ImageName): boolean;
}

const MOST_OCTETS = 255;
const DOMAIN = /^(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*(?::\d{1,5})?$/;
const COMPONENT = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const TAG = /^\w[\w.-]{0,127}$/;
const DIGEST = /^sha256:[0-9a-f]{64}$/;

/** Null for what is not the name of an image. With a tag and a digest, the digest alone counts, as for the engine. */
export function parseImageName(text: string): ImageName | null {
  const parts = split(text);
  if (parts === null || !parts.components.every((component) => COMPONENT.test(component))) return null;
  const name = [parts.domain, ...parts.components].join('/');
  const tag = parts.digest === null ? (parts.tag ?? 'latest') : null;
  return { name, tag, digest: parts.digest, text: tag === null ? `${name}@${parts.digest}` : `${name}:${tag}` };
}

/**
 * `*`, a name, or a name that ends in `/*` (any single component). Without a tag or digest it covers all of them; with one it
 * covers only that one, since a digest and a tag are different claims.
 */
export function parseImagePattern(text: string): ImagePattern | null {
  if (text === '*') return { text, isAny: true, matches: () => true };
  const parts = split(text);
  if (parts === null) return null;
  const isWild = parts.components.at(-1) === '*';
  const fixed = isWild ? parts.components.slice(0, -1) : parts.components;
  if (!fixed.every((component) => COMPONENT.test(component))) return null;
  if (isWild && (parts.tag !== null || parts.digest !== null)) return null;
  const name = [parts.domain, ...fixed].join('/');
  return {
    text,
    isAny: false,
    matches: (image) => {
      const folder = image.name.slice(0, image.name.lastIndexOf('/'));
      if (isWild) return folder === name;
      if (image.name !== name) return false;
      if (parts.digest !== null) return image.digest === parts.digest;
      return parts.tag === null || image.tag === parts.tag;
    },
  };
}

interface SplitName {
  readonly domain: string;
  readonly components: readonly string[];
  readonly tag: string | null;
  readonly digest: string | null;
}

function split(text: string): SplitName | null {
  if (text.length > MOST_OCTETS) return null;
  const [before = '', digest, ...more] = text.split('@');
  if (more.length > 0 || (digest !== undefined && !DIGEST.test(digest))) return null;
  const colon = before.lastIndexOf(':');
  const hasTag = colon > before.lastIndexOf('/');
  const tag = hasTag ? before.slice(colon + 1) : null;
  if (tag !== null && !TAG.test(tag)) return null;
  const all = (hasTag ? before.slice(0, colon) : before).split('/');
  const [first = ''] = all;
  const hasDomain = all.length > 1 && (/[.:]/.test(first) || first === 'localhost');
  const domain = hasDomain ? first : 'docker.io';
  const path = hasDomain ? all.slice(1) : all;
  if (!DOMAIN.test(domain) || path.length === 0) return null;
  const components = domain === 'docker.io' && path.length === 1 ? ['library', ...path] : path;
  return { domain, components, tag, digest: digest ?? null };
}
