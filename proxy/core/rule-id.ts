/** What records, refusals and metrics call the rule that decided. */

const SECTIONS = ['allow', 'deny', 'internal'] as const;
export type RuleSection = (typeof SECTIONS)[number];

/**
 * A configured rule by its name, or by its position in its list; `default`: policy.default; `report`: let through by mode
 * report, though `enforce` would refuse it; `sni` and `clients`: those keys of the policy; `upstream`: the parent proxy;
 * `notify` and `otlp`: a receiver of the proxy's own; `grant:…` and `pause`: what was decided at run time; `never:…` and
 * `special:…`: the range, name or form of address that is refused by itself; `private:…`: a range of policy.private.
 */
export type RuleId =
  | `${RuleSection}:${string}`
  | `${RuleSection}[${number}]`
  | `relay[${number}]`
  | 'upstream'
  | 'notify'
  | 'otlp'
  | 'default'
  | 'report'
  | 'sni'
  | 'clients'
  | `grant:${string}`
  | 'pause'
  | `pause:${string}`
  | `never:${string}`
  | `special:${string}`
  | `private:${string}`;

/** `name` null: a rule without one. A name has no bracket, so the two forms cannot be mistaken for each other. */
export function ruleId(section: RuleSection, index: number, name: string | null): RuleId {
  return name === null ? `${section}[${index}]` : `${section}:${name}`;
}

/** The list that the rule is in; null for what is no rule of the configuration. `id` may come from an old record. */
export function sectionOf(id: string | null): RuleSection | null {
  if (id === null) return null;
  for (const section of SECTIONS) {
    const next = id[section.length];
    if ((next === ':' || next === '[') && id.startsWith(section)) return section;
  }
  return null;
}

/** True for what no rule and no mode opens. */
export function isNever(id: string | null): boolean {
  return id?.startsWith('never:') ?? false;
}

/** Where people find it in their file: `policy.allow[0]`, `policy.allow (github-api)`; null if the file has no key for it. */
export function placeInFile(id: string | null): string | null {
  if (id === null) return null;
  const section = sectionOf(id);
  if (section !== null)
    return id.includes('[') ? `policy.${id}` : `policy.${section} (${id.slice(section.length + 1)})`;
  if (id === 'default' || id === 'sni' || id === 'clients') return `policy.${id}`;
  if (id === 'report') return 'policy.mode';
  if (id.startsWith('private:')) return 'policy.private';
  return id.startsWith('relay[') ? id : null;
}

/** The id of the grant that is the rule; null for any other. */
export function grantOf(id: string | null): string | null {
  return id?.startsWith('grant:') ? id.slice('grant:'.length) : null;
}
