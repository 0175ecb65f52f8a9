/** What a valid configuration says that can hardly be meant. */
import type { Path } from './config-error.js';
import type { PolicyDocument } from './schema.js';

export interface Warning {
  readonly path: Path;
  /** A sentence without a full stop, to follow the path. */
  readonly message: string;
}

export function findWarnings(document: PolicyDocument): Warning[] {
  return idleAllowRules(document);
}

/** An `allow` rule decides only where the default is `none`: for all, or for a client that it is for. */
function idleAllowRules({ policy, clients }: PolicyDocument): Warning[] {
  const defaultOf = (name: string): string => clients.find((client) => client.name === name)?.default ?? policy.default;
  const everyone = [policy.default, ...clients.map(({ name }) => defaultOf(name))];
  return policy.allow.flatMap((rule, i) => {
    const defaults = rule.clients?.map(defaultOf) ?? everyone;
    if (defaults.includes('none')) return [];
    const message = 'this rule changes nothing: what it allows is allowed by the default (public) already';
    return [{ path: ['policy', 'allow', i], message }];
  });
}
