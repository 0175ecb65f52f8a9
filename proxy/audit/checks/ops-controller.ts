/** §3: ops-controller can restart anything, so it has no port on the host and a strong token. */

import { isLoopbackHost } from '../../core/loopback.js';
import type { Facts, StackService } from '../facts/facts.js';
import type { Check } from '../findings/finding.js';
import { cis, pass, skipped } from '../findings/finding.js';
import { newValue, serviceOverride } from '../findings/remedy.js';
import { bindingsText, judgeEach, type Seat, seatsOf, withRole } from '../findings/seats.js';

export const opsControllerPublished: Check = {
  id: 'ops-controller-published',
  section: '§3',
  expected: 'ops-controller has no port on the host.',
  severity: 'critical',
  sources: [['docker'], ['compose']],
  references: cis('5.8', '5.14'),
  run: (facts) => judgeEach(withRole(facts, 'ops-controller'), judgePublication),
};

const TUNNEL =
  'To debug from another machine, publish 127.0.0.1:9000 for that time and use ssh -L 9000:localhost:9000 to this machine.';

function judgePublication({ service, settings, source }: Seat) {
  const { published, hostNamespaces } = settings;
  const name = service.name;
  if (hostNamespaces.includes('network')) {
    const message = `${name} is in the host's network namespace: its ports are the host's.`;
    return {
      status: 'fail',
      service: name,
      source,
      message,
      remedy: serviceOverride(name, ['network_mode: !reset null'], TUNNEL),
    } as const;
  }
  if (published.length === 0) return pass(source, name, 'No port of it is published.');
  const isLocal = published.every(({ hostAddress }) => isLoopbackHost(hostAddress));
  const ports = [...new Set(published.map(({ containerPort }) => containerPort))].join(', ');
  return {
    status: 'fail',
    service: name,
    source,
    severity: isLocal ? 'medium' : 'critical',
    message: `${name} port ${ports} is published on ${bindingsText(published)}.`,
    remedy: serviceOverride(name, ['ports: !reset []'], TUNNEL),
  } as const;
}

const TOKEN = 'OPS_CONTROLLER_TOKEN';
const LEAST = 32;

export const opsTokenMissing: Check = {
  id: 'ops-token-missing',
  section: '§3',
  expected: `${TOKEN} is set, with ${LEAST} characters or more.`,
  severity: 'high',
  sources: [['env'], ['docker'], ['compose']],
  references: ['SECURITY.md'],
  run: (facts) =>
    ownersOf(facts).map((service) => {
      const found = tokenOf(facts, service);
      if (found === null) return skipped('docker', service.name, `${service.name} does not run, and there is no .env.`);
      const { length, source } = found;
      if (length >= LEAST) return pass(source, service.name, `${TOKEN} has ${length} characters.`);
      const message = length === 0 ? `${TOKEN} is empty.` : `${TOKEN} has only ${length} characters.`;
      const dashboards = withRole(facts, 'dashboard').map(({ name }) => name);
      const remedy = newValue(facts, TOKEN, [service.name, ...dashboards]);
      return { status: 'fail', service: service.name, source, message, actual: `${length} characters`, remedy };
    }),
};

/** Where only `.env` is known, it is taken to be that of a stack with an ops-controller. */
function ownersOf(facts: Facts): readonly StackService[] {
  if (facts.engine !== null || facts.compose !== null) return withRole(facts, 'ops-controller');
  return [{ name: 'ops-controller', roles: new Set(), compose: null, containers: [] }];
}

/** `.env` where it has the name: what the next start takes. Else what the service has. */
function tokenOf(facts: Facts, service: StackService) {
  const written = facts.env?.variables.secret(TOKEN);
  if (written) return { length: written.isBlank ? 0 : written.length, source: 'env' as const };
  const [seat] = seatsOf(service);
  if (seat === undefined) return facts.env === null ? null : { length: 0, source: 'env' as const };
  const secret = seat.settings.variables.secret(TOKEN);
  return { length: secret === null || secret.isBlank ? 0 : secret.length, source: seat.source };
}
