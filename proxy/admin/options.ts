/** What the admin API needs of the rest: it reads, asks and counts, and changes nothing. */
import type { Registry } from 'prom-client';
import type { CheckResult } from '../core/explain.js';
import type { RelayLook } from '../observe/relay-events.js';
import type { Ring } from '../observe/ring.js';
import type { SpawnRing } from '../observe/spawn-ring.js';
import type { ReloadState } from './policy-changes.js';
import type { PolicyView } from './policy-view.js';

export interface AdminOptions {
  state(): 'starting' | 'ready' | 'draining';
  /** What the fixed relays lead to; absent: there are none. */
  relays?(): readonly RelayLook[];
  /** The verdict that the proxy would give now; resolves, never dials. `target`: `http://host/path` or `host:port`. */
  check(target: string, clientName: string | null): Promise<CheckResult>;
  readonly ring: Ring;
  /** What the spawn guard decided. */
  readonly spawns: Pick<SpawnRing, 'newest'>;
  readonly registry: Registry;
  policyView(): PolicyView;
  /** Null or absent: the configuration is the one of the start. */
  lastReload?(): ReloadState | null;
  /** `log.file.path`: where earlier decisions can be counted. Null or absent: nowhere. */
  readonly logFile?: string | null;
  /** Null asks for no token, which only a listener on loopback may. */
  readonly token: string | null;
  /** Counts like `token`. Both are read at each request: a new value needs no restart. */
  readonly next?: string | null;
  /** True where the listener is bound to a loopback address. */
  readonly loopback: boolean;
}

/** Thrown by a handler: becomes `{"error", "explanation"}` with this status. */
export class AdminError extends Error {
  readonly statusCode: number;
  readonly token: string;
  constructor(statusCode: number, token: string, explanation: string) {
    super(explanation);
    this.name = 'AdminError';
    this.statusCode = statusCode;
    this.token = token;
  }
}
