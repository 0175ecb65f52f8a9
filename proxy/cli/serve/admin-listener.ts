/** The admin API beside the doors: opened after them, loaded when it is first asked for anything, closed after them. */
import type { AdminOptions } from '../../admin/options.js';
import { policyView } from '../../admin/policy-view.js';
import type { App } from '../../app.js';
import type { Config } from '../../config/config.js';
import { isLoopbackHost } from '../../core/loopback.js';
import type { FollowedConfiguration } from './followed-configuration.js';
import { type HttpListener, openHttp } from './http-listener.js';
import type { Observation } from './observation.js';
import type { RunTimeService } from './run-time.js';

/** What the API shows. */
export interface Shown {
  readonly observation: Observation;
  readonly followed: FollowedConfiguration;
  readonly runTime: RunTimeService;
  readonly app: App;
}

/** Null if `listen.admin` is off. Rejects if the listener cannot be opened. */
export async function openAdmin(
  { listen, log }: Config,
  shown: Shown,
  state: AdminOptions['state'],
): Promise<HttpListener | null> {
  if (listen.admin === null) return null;
  const { createAdminServer } = await import('../../admin/front.js');
  // Not copied, because the tokens have to be read at each request.
  const rest = { state, logFile: log.file?.path ?? null, loopback: isLoopbackHost(listen.admin.host) };
  const options = Object.assign(adminOptions(shown), rest);
  const server = createAdminServer({
    state,
    relays: () => shown.app.relays,
    isFromTools: (socket) => shown.app.isFromTools(socket),
    load: async () => (await import('../../admin/admin.js')).loadAdmin(options),
    onDefect: shown.observation.onDefect,
  });
  return openHttp(server, listen.admin, 'admin');
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
