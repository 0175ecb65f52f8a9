/** The policy in force as people and programs may see it: every rule and client by name, and no token. */
import type { PodSelector } from '../config/config.js';
import type { ConfigWarning } from '../config/config-error.js';
import type { NotifySettings, Receiver } from '../config/receivers.js';
import type { Prefix } from '../core/address.js';
import { type Policy, policyFor, type Rule } from '../core/policy.js';
import { authorityText } from '../core/target.js';

export interface RuleView {
  readonly id: string;
  readonly host: string | null;
  readonly address: string | null;
  /** Numbers and `from-to`; null for any. */
  readonly ports: readonly (number | string)[] | null;
  readonly clients: readonly string[] | null;
}

export interface PolicyView {
  readonly digest: string;
  readonly mode: Policy['mode'];
  readonly default: Policy['default'];
  readonly sni: Policy['sni'];
  /** `policy.clients`: whether a client has to be known by name. */
  readonly requires: Policy['clients'];
  readonly showAddresses: Policy['showAddresses'];
  readonly allow: readonly RuleView[];
  readonly deny: readonly RuleView[];
  readonly internal: readonly RuleView[];
  /** The network's own NAT64 prefixes. */
  readonly nat64: readonly string[];
  /** Public ranges that are treated as private here. */
  readonly private: readonly string[];
  readonly clients: readonly ClientView[];
  /** Who is notified of what; without the path, which may be a secret. Null: nobody. */
  readonly notify?: { readonly to: string; readonly events: readonly string[] } | null;
  readonly warnings: readonly ConfigWarning[];
}

export interface ClientView {
  readonly name: string;
  readonly address: string | null;
  /** With the spawn guard: the tools of this MCP server are this client. */
  readonly server: string | null;
  /** In a cluster: the pods that are this client. */
  readonly pods: PodSelector | null;
  readonly token: boolean;
  /** What is in force for it, wherever it was set. */
  readonly default: Policy['default'];
  readonly mode: Policy['mode'];
}

/** `source` is the configuration, or the part of it that is named here. */
export function policyView(source: {
  digest(): string;
  readonly policy: Policy;
  readonly clients: readonly {
    readonly name: string;
    readonly token: string | null;
    readonly address: Prefix | null;
    readonly server: string | null;
    readonly pods: PodSelector | null;
  }[];
  readonly notify?: NotifySettings | null;
  readonly warnings: readonly ConfigWarning[];
}): PolicyView {
  const { policy, clients, notify = null, warnings } = source;
  return {
    digest: source.digest(),
    mode: policy.mode,
    default: policy.default,
    sni: policy.sni,
    requires: policy.clients,
    showAddresses: policy.showAddresses,
    allow: policy.allow.map(ruleView),
    deny: policy.deny.map(ruleView),
    internal: policy.internal.map(ruleView),
    nat64: policy.nat64.map(({ text }) => text),
    private: policy.private.map(({ text }) => text),
    clients: clients.map(({ name, token, address, server, pods }) => ({
      name,
      address: address?.text ?? null,
      server,
      pods,
      token: token !== null,
      default: policyFor(policy, { name }).default,
      mode: policyFor(policy, { name }).mode,
    })),
    notify: notify && { to: receiverText(notify.to), events: notify.events },
    warnings,
  };
}

function receiverText({ target }: Receiver): string {
  return `${target.scheme ?? 'http'}://${authorityText(target)}`;
}

function ruleView(rule: Rule): RuleView {
  return {
    id: rule.id,
    host: rule.host?.text ?? null,
    address: rule.address?.text ?? null,
    ports: rule.ports?.map(({ from, to }) => (from === to ? from : `${from}-${to}`)) ?? null,
    clients: rule.clients === null ? null : [...rule.clients],
  };
}
