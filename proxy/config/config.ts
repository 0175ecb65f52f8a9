/** The configuration after loading: units in the names, every default filled in, the policy compiled. */
import type { Address, Prefix } from '../core/address.js';
import type { Parent } from '../core/parent.js';
import type { Policy } from '../core/policy.js';
import type { DnsName, Target } from '../core/target.js';
import type { AuditRole } from './audit-roles.js';
import type { ConfigWarning } from './config-error.js';
import type { GuardConfig } from './guard-config.js';
import type { HostAddress, HostPort } from './places.js';
import type { NotifySettings, OtlpSettings } from './receivers.js';
import type { PolicyDocument } from './schema.js';

export interface ClientEntry {
  readonly name: string;
  /** Identity by Proxy-Authorization (user = name) or by SOCKS username/password. */
  readonly token: string | null;
  /** Counts like `token`, so that one can take the other's place without a gap. */
  readonly next: string | null;
  /** Identity by source address. */
  readonly address: Prefix | null;
  /** In place of `policy.default` and `policy.mode`; null: theirs. */
  readonly default: Policy['default'] | null;
  readonly mode: Policy['mode'] | null;
  /** Identity by the spawn guard's lease: every tool of this server. */
  readonly server: string | null;
  /** Identity by the cluster: every pod of this namespace that has these labels. */
  readonly pods: PodSelector | null;
}

export interface PodSelector {
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
}

export interface Limits {
  readonly connections: number;
  readonly connectionsPerClient: number;
  readonly headerBytes: number;
  readonly headerFields: number;
  /** What may be held on behalf of clients and origins, all in all. */
  readonly memoryBytes: number;
  readonly headerTimeoutMs: number;
  readonly connectTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly drainTimeoutMs: number;
  /** How long it serves on before the drain, although it is no longer ready. */
  readonly drainDelayMs: number;
}

export interface AuditSettings {
  /** The services that play each part, where their names do not say it. */
  readonly roles: Readonly<Partial<Record<AuditRole, readonly string[]>>>;
  /** Findings that are accepted. `service` null: for every service. */
  readonly ignore: readonly { readonly id: string; readonly service: string | null; readonly reason: string }[];
}

export interface LogFile {
  readonly path: string;
  readonly maxSizeBytes: number;
  /** How many rotated files are kept beside the current one. */
  readonly keep: number;
}

/** One destination with the policy that allows it and nothing else, and that only at a private-use address. */
export interface FixedDestination {
  readonly to: Target;
  readonly policy: Policy;
}

/** A TCP relay into the tools' network. */
export interface FixedRelay extends FixedDestination {
  readonly listen: HostPort;
  /** Where the target would answer if it was started outside that network; null: not checked. */
  readonly outside: FixedDestination | null;
}

/** The place where the proxy runs. */
export interface Network {
  /** Never a destination, whatever the rules say. */
  readonly hostAddresses: readonly HostAddress[];
  /** From where the engine gives containers their addresses. */
  readonly toolsRange: readonly Prefix[];
  /** What leads to the proxy and is on none of its interfaces: never a destination. */
  readonly services: readonly Address[];
  /** Of the cluster that the proxy runs in: never a destination. */
  readonly apiServer: Address | null;
}

/** Questions about what would be refused for lack of a rule. */
export interface AskSettings {
  /** How long a request waits for the answer; 0: it is refused at once, and the answer counts for the next one. */
  readonly holdMs: number;
  /** Open questions of one client, and of all. */
  readonly perClient: number;
  readonly most: number;
  /** How long a question stays open if nobody asks for the same again. */
  readonly keepMs: number;
}

/** Of `steer`: what the DNS door says, and to whom. */
export interface DnsAnswers {
  /** The addresses of names that lead here; empty: the one on which the question arrived. */
  readonly address: readonly Address[];
  /** Names that lead here, whatever the policy says of them. */
  readonly names: readonly DnsName[];
  /** Names below these suffixes do not exist, and no decision is recorded for them. */
  readonly search: readonly DnsName[];
  /** Who is answered beside the neighbours of the door. */
  readonly peers: readonly Prefix[];
}

/** What holds the settings in force. A reload replaces them: what applies at any moment is read anew. */
export interface InForce<Section extends keyof Config = keyof Config> {
  readonly settings: Pick<Config, Section>;
}

/** The same for whoever needs these limits and nothing else. */
export interface LimitsInForce<Limit extends keyof Limits = keyof Limits> {
  readonly settings: { readonly limits: Pick<Limits, Limit> };
}

export interface Config {
  readonly listen: Readonly<PolicyDocument['listen']>;
  readonly admin: { readonly token: string | null; readonly next: string | null };
  readonly dns: { readonly servers: readonly string[]; readonly timeoutMs: number };
  readonly steer: { readonly dns: HostPort | null; readonly http: HostPort | null; readonly tls: HostPort | null };
  readonly answers: DnsAnswers;
  readonly relay: readonly FixedRelay[];
  readonly network: Network;
  readonly policy: Policy;
  readonly clients: readonly ClientEntry[];
  /** Null: nobody is asked. */
  readonly ask: AskSettings | null;
  /** Where grants and the token are kept: null: nowhere; undefined: not configured. */
  readonly state: string | null | undefined;
  readonly audit: AuditSettings;
  /** Null: no spawn guard. */
  readonly guard: GuardConfig | null;
  /** The files whose content is in it, by `${file:PATH}`. */
  readonly secretFiles: readonly string[];
  /** Null: nobody is told. */
  readonly notify: NotifySettings | null;
  /** Null: nothing is exported. */
  readonly otlp: OtlpSettings | null;
  /** Null: every connection is direct. */
  readonly parent: Parent | null;
  readonly limits: Limits;
  readonly log: {
    readonly level: 'debug' | 'info' | 'warn' | 'error';
    /** Null: pretty at a terminal, else json. */
    readonly format: 'json' | 'pretty' | 'ecs' | null;
    readonly file: LogFile | null;
  };
  /** SHA-256 of the policy in force, as hex: rules, defaults and client names, no tokens. */
  digest(): string;
  /** What is valid, but probably not intended. */
  readonly warnings: readonly ConfigWarning[];
}
