/** What the admin API needs from the rest: it reads, asks and counts; anything it can change goes through `runTime`. */
import type { Registry } from 'prom-client';
import type { CheckResult } from '../core/explain.js';
import type { ConnectionEnds } from '../door/tools-side.js';
import type { Ring } from '../observe/ring.js';
import type { SpawnRing } from '../observe/spawn-ring.js';
import type { ReloadState } from './policy-changes.js';
import type { PolicyView } from './policy-view.js';
import type { Probed } from './readiness.js';
import type { RunTimeControl } from './run-time.js';

export interface AdminOptions extends Probed {
  /** The verdict that the proxy would give now; resolves, never dials. `target`: `http://host/path` or `host:port`. */
  check(target: string, clientName: string | null): Promise<CheckResult>;
  readonly ring: Ring;
  /** What the spawn guard decided. */
  readonly spawns: Pick<SpawnRing, 'newest'>;
  readonly registry: Registry;
  policyView(): PolicyView;
  /** Null or absent: the configuration is still the one from the start. */
  lastReload?(): ReloadState | null;
  /** `log.file.path`: where earlier decisions can be counted. Null or absent: nowhere. */
  readonly logFile?: string | null;
  /** Null: no token is required, which is allowed on loopback only. */
  readonly token: string | null;
  /** Valid beside `token`. Both are read for each request: a new value needs no restart. */
  readonly next?: string | null;
  /** Without a `token`: what writing needs and reading does not. */
  readonly writeToken?: string | null;
  /** What can be changed while the proxy runs; absent: nothing. */
  readonly runTime?: RunTimeControl;
  /** True for a connection that comes from the tools' network: it is closed unheard. */
  readonly isFromTools?: (ends: ConnectionEnds) => boolean;
  /** Replaces the clock of the sessions, for tests. In milliseconds. */
  readonly now?: () => number;
  /** True if the listener is bound to a loopback address. */
  readonly loopback: boolean;
}

/** Thrown by a handler: becomes `{"error", "explanation"}` with this status, and with what `details` adds. */
export class AdminError extends Error {
  readonly statusCode: number;
  readonly token: string;
  readonly details: Readonly<Record<string, unknown>>;
  constructor(statusCode: number, token: string, explanation: string, details: Readonly<Record<string, unknown>> = {}) {
    super(explanation);
    this.name = 'AdminError';
    this.statusCode = statusCode;
    this.token = token;
    this.details = details;
  }
}
