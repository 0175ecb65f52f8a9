/** The admin API beside the doors: loaded only when they are open, and closed after them. */
import type { AddressInfo } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import type { AdminOptions } from '../../admin/options.js';
import { policyView } from '../../admin/policy-view.js';
import type { App } from '../../app.js';
import type { Config } from '../../config/config.js';
import { isLoopbackHost } from '../../core/loopback.js';
import { listenError } from '../../net/listen.js';
import type { FollowedConfiguration } from './followed-configuration.js';
import type { Observation } from './observation.js';
import type { RunTimeService } from './run-time.js';

/** For clients that waited for the proxy's port: loading Fastify keeps the event loop busy for a tenth of a second. DECISIONS 194. */
const HEAD_START_MS = 50;

/** The rooms that the API shows. */
export interface Shown {
  readonly observation: Observation;
  readonly followed: FollowedConfiguration;
  readonly runTime: RunTimeService;
  readonly app: App;
}

export interface AdminListener {
  readonly at: AddressInfo;
  close(): Promise<void>;
}

/** Null where `listen.admin` is off. Rejects where the listener cannot be opened. */
export async function openAdmin(
  { listen, log }: Config,
  shown: Shown,
  state: AdminOptions['state'],
): Promise<AdminListener | null> {
  if (listen.admin === null) return null;
  await setTimeout(HEAD_START_MS);
  const { buildAdmin } = await import('../../admin/admin.js');
  // Not copied: the tokens are read as they are at each request.
  const rest = { state, logFile: log.file?.path ?? null, loopback: isLoopbackHost(listen.admin.host) };
  const server = buildAdmin(Object.assign(adminOptions(shown), rest));
  try {
    await server.listen({ host: listen.admin.host, port: listen.admin.port });
  } catch (error) {
    throw error instanceof Error ? listenError(listen.admin, 'admin', error) : error;
  }
  const [at] = server.addresses();
  if (at === undefined || typeof at === 'string') throw new Error('the admin listener has no address');
  return { at, close: () => server.close() };
}

function adminOptions({ observation, followed, runTime, app }: Shown): Omit<AdminOptions, 'state' | 'loopback'> {
  return {
    relays: () => app.relays,
    check: (target, clientName) => app.check(target, clientName),
    ring: observation.ring,
    spawns: observation.spawns,
    registry: observation.metrics.registry,
    policyView: () => policyView(followed.current),
    lastReload: () => followed.lastReload,
    get token() {
      return followed.current.admin.token;
    },
    get next() {
      return followed.current.admin.next;
    },
    writeToken: runTime.token,
    runTime: runTime.control,
    isFromTools: (ends) => app.isFromTools(ends),
  };
}
