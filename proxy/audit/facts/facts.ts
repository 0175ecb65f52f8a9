/** What is known of a stack. Each source may be missing: then it is null, and its checks are skipped. */

import type { AuditRole } from '../../config/audit-roles.js';
import type { Config } from '../../config/config.js';
import type { Variables } from './variables.js';

export interface Published {
  readonly containerPort: number;
  /** As the engine says it: empty, `0.0.0.0` and `::` are every interface. */
  readonly hostAddress: string;
  /** Empty where the engine picks one. */
  readonly hostPort: string;
}

export interface Mount {
  /** A path of the host for a bind mount, else the name of a volume. */
  readonly source: string;
  readonly target: string;
  readonly isBind: boolean;
}

/** What a compose file asks for and what a container has, in the same words. */
export interface Settings {
  readonly image: string;
  /** Null: not said, and only the image knows. Empty: root. */
  readonly user: string | null;
  readonly variables: Variables;
  readonly networkMode: string;
  /** The engine's names of the networks. */
  readonly networks: readonly string[];
  readonly dns: readonly string[];
  readonly published: readonly Published[];
  readonly mounts: readonly Mount[];
  /** Upper case, without CAP_. */
  readonly capAdd: readonly string[];
  readonly capDrop: readonly string[];
  readonly hasReadOnlyRoot: boolean;
  readonly securityOptions: readonly string[];
  readonly isPrivileged: boolean;
  /** The namespaces that are the host's, such as `network` or `pid`. */
  readonly hostNamespaces: readonly string[];
  /** The masks over /proc and /sys are off. */
  readonly isUnmasked: boolean;
}

export interface Container extends Settings {
  readonly id: string;
  readonly name: string;
  readonly project: string | null;
  readonly service: string | null;
  readonly isRunning: boolean;
  /** Of `docker compose run`: no `up` will ever change it. */
  readonly isOneOff: boolean;
  readonly imageId: string;
  readonly folder: string | null;
  readonly composeFiles: readonly string[];
  /** The MCP server that a gateway started this container for; null: it is no tool. */
  readonly tool: string | null;
}

export interface Service extends Settings {
  readonly name: string;
  readonly isBuilt: boolean;
  readonly command: readonly string[];
}

export interface Network {
  /** The key in the compose file; null for a network that no project made. */
  readonly key: string | null;
  readonly name: string;
  readonly project: string | null;
  readonly isInternal: boolean;
  readonly driver: string;
  readonly options: ReadonlyMap<string, string>;
}

export interface ImageFacts {
  readonly id: string;
  /** The names by which the engine knows it. */
  readonly tags: readonly string[];
  readonly digests: readonly string[];
}

export interface EngineFacts {
  readonly containers: readonly Container[];
  /** Null where the source holds none, as `docker inspect` of containers does. */
  readonly networks: readonly Network[] | null;
  readonly images: readonly ImageFacts[] | null;
  readonly daemon: {
    readonly version: string;
    readonly operatingSystem: string;
    readonly hasNoNewPrivileges: boolean;
    readonly hasAuthorization: boolean;
  } | null;
}

export interface ComposeFacts {
  readonly project: string | null;
  readonly services: readonly Service[];
  readonly networks: readonly (Network & { readonly isExternal: boolean })[];
}

export interface FileFacts {
  readonly path: string;
  /** Permission bits; null where the system has none that mean anything. */
  readonly mode: number | null;
  /** Null where it is in no Git work tree. */
  readonly isTracked: boolean | null;
}

export interface EnvFile extends FileFacts {
  readonly variables: Variables;
  /** The line, from 1, of each name. */
  readonly lines: ReadonlyMap<string, number>;
}

export interface DataFacts {
  readonly folder: string;
  /** Names of `mcp/servers.txt`; null where there is no such file. */
  readonly servers: readonly string[] | null;
  /** `mcp/registry.json`: each server with its `allow_clients`; null if there is none. */
  readonly registry: ReadonlyMap<string, { readonly allowsClients: boolean }> | null;
  /** `filesystem.paths` of `mcp/config.yaml`. */
  readonly filesystemPaths: readonly string[];
  /** Secrets in plain text: where they are, and how long they are. */
  readonly mcpSecrets: readonly PlainSecret[];
  readonly openclaw: OpenclawFacts | null;
}

export interface PlainSecret {
  readonly file: string;
  readonly path: string;
  readonly length: number;
}

export interface OpenclawFacts extends FileFacts {
  readonly secrets: readonly PlainSecret[];
  /** `gateway.auth.token`, as a variable named TOKEN. */
  readonly gateway: Variables;
}

export interface StackService {
  readonly name: string;
  readonly roles: ReadonlySet<AuditRole>;
  readonly compose: Service | null;
  /** Running ones first. */
  readonly containers: readonly Container[];
}

export type Source = 'docker' | 'compose' | 'env' | 'data' | 'policy' | 'host-rules' | 'state';

export interface Facts {
  readonly project: string | null;
  readonly engine: EngineFacts | null;
  readonly compose: ComposeFacts | null;
  readonly env: EnvFile | null;
  /** `mcp/.env` beside the other. */
  readonly toolEnv: EnvFile | null;
  readonly data: DataFacts | null;
  readonly policy: Config['policy'] | null;
  readonly guard: Config['guard'];
  /** Whether the host's packet filter has our rules. */
  readonly hostRules: { readonly present: boolean } | null;
  /** Days since each secret of the `.env` file was first seen as it is, with the age from which it is old. */
  readonly ages: { readonly days: ReadonlyMap<string, number>; readonly mostDays: number } | null;
  readonly services: readonly StackService[];
  /** Containers that a gateway started for tools. */
  readonly tools: readonly Container[];
  readonly paths: {
    /** The folder of the stack; null where nothing says it. */
    readonly folder: string | null;
    readonly compose: string;
    /** Where a change of the compose file goes. */
    readonly override: string;
    readonly env: string;
  };
  /** Why a source is missing, and the command that would provide it. */
  readonly missing: Readonly<Record<Source, string>>;
}
