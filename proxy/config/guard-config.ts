/** The guard's part of the configuration, compiled. */
import type { Prefix } from '../core/address.js';
import type { ImagePattern } from '../core/image-pattern.js';

export interface GuardLimits {
  /** The most that there may be at once, started or not. */
  readonly containers: number;
  readonly memoryBytes: number;
  readonly nanoCpus: number;
  readonly pids: number;
  readonly shmBytes: number;
}

export interface GuardBind {
  /** A path of the engine's host, compared octet for octet. */
  readonly source: string;
  /** Null: any path in the tool. */
  readonly target: string | null;
  readonly readOnly: boolean;
}

export interface GuardVolume {
  readonly name: string;
  readonly target: string | null;
  readonly readOnly: boolean;
}

export interface GuardServer {
  readonly name: string;
  /** Null: any image that `images` lists. */
  readonly image: ImagePattern | null;
  /** The client that its tools are for the policy; null: the one of `clients` that names this server, if any. */
  readonly client: string | null;
  /** IPv4; null: one of `defaults.addresses`. */
  readonly addresses: Prefix | null;
  readonly network: 'tools' | 'none';
  readonly binds: readonly GuardBind[];
  readonly volumes: readonly GuardVolume[];
  /** Null: the one that the client asks for. */
  readonly user: string | null;
  readonly capabilities: readonly string[];
  readonly readOnly: boolean;
  readonly limits: Omit<GuardLimits, 'containers'>;
}

export interface GuardConfig {
  /** The path of the guard's own socket, in a folder that the gateway sees. */
  readonly listen: string;
  readonly engine: string;
  /** The folder of the lease file, which the guard writes and the proxy reads; null: none. */
  readonly leases: string | null;
  readonly network: string;
  /** The resolver of every tool: the address of the steering doors. */
  readonly dns: string | null;
  /** `host:port` for the proxy variables of every tool. */
  readonly proxy: string | null;
  readonly socks: string | null;
  readonly images: readonly ImagePattern[];
  readonly pull: 'listed' | 'never';
  readonly limits: GuardLimits;
  readonly defaults: {
    readonly addresses: Prefix | null;
    readonly logs: 'none' | 'local';
    readonly unknownServers: 'run' | 'refuse';
  };
  /** What a tool gets whose server is not in `servers`. */
  readonly unknown: GuardServer;
  readonly servers: readonly GuardServer[];
}

/** The server of a tool whose label names none that the configuration knows. */
export const UNKNOWN_SERVER = 'unknown-server';
