/** A service as it runs and as its file describes it: most checks ask the same of both. */

import type { AuditRole } from '../../config/audit-roles.js';
import { hostPortText } from '../../core/target.js';
import type { Facts, Settings, Source, StackService } from '../facts/facts.js';
import { type Result, skipped } from './finding.js';

export interface Seat {
  readonly service: StackService;
  readonly settings: Settings;
  readonly source: Extract<Source, 'docker' | 'compose'>;
}

export function withRole(facts: Facts, ...roles: readonly AuditRole[]): readonly StackService[] {
  return facts.services.filter((service) => roles.some((role) => service.roles.has(role)));
}

/** Services that the stack or this repository builds: what can be asked to be hardened. */
export function custom(facts: Facts): readonly StackService[] {
  return withRole(facts, 'model-gateway', 'dashboard', 'ops-controller', 'egress-proxy', 'guard');
}

/** What runs comes first: that is what an attacker meets. */
export function seatsOf(service: StackService): readonly Seat[] {
  const running = service.containers.map((settings) => ({ service, settings, source: 'docker' as const }));
  const asked = service.compose;
  return asked === null ? running : [...running, { service, settings: asked, source: 'compose' as const }];
}

/**
 * One result for each service: the first seat that fails, else the first that passes. `judge` answers null where a seat
 * cannot tell.
 */
export function judgeEach(services: readonly StackService[], judge: (seat: Seat) => Result | null): readonly Result[] {
  return services.flatMap((service) => {
    const results = seatsOf(service).flatMap((seat) => judge(seat) ?? []);
    const found = results.find(({ status }) => status === 'fail') ?? results[0];
    if (found !== undefined) return [found];
    return [skipped('docker', service.name, `${service.name} does not run, and the file alone does not show it.`)];
  });
}

/** The networks of a seat: those of the service whose namespace it shares, where it does. */
export function networksOf(facts: Facts, seat: Seat): readonly string[] {
  const { networkMode, networks } = seat.settings;
  const [, kind = '', name = ''] = /^(service|container):(.+)$/.exec(networkMode) ?? [];
  if (name === '') return networks;
  const owner = facts.services.find(({ name: key, containers }) =>
    kind === 'service' ? key === name : containers.some(({ id, name: own }) => id === name || own === name),
  );
  const shared = owner && seatsOf(owner).find(({ source }) => source === seat.source);
  return shared?.settings.networks ?? networks;
}

/** Containers of the service that are up. */
export function isRunning(service: StackService): boolean {
  return service.containers.some((container) => container.isRunning);
}

/** `0.0.0.0:9000`; the two bindings of one port, for IPv4 and for IPv6, are one. */
export function bindingsText(published: Settings['published']): string {
  const shown = published.map(({ hostAddress, hostPort }) => {
    const address = hostAddress === '' || hostAddress === '::' ? '0.0.0.0' : hostAddress;
    return hostPortText(address.replace(/^\[(.*)\]$/, '$1'), hostPort === '' ? 'any port' : hostPort);
  });
  return [...new Set(shown)].join(', ');
}
