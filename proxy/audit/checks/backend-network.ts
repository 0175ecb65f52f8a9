/** §2: networks without a way out, as the file says and as they are. */

import type { Facts, Network } from '../facts/facts.js';
import type { Check, Result } from '../findings/finding.js';
import { cis, pass, skipped } from '../findings/finding.js';
import { DOWN_AND_UP, yamlWord } from '../findings/remedy.js';
import { isRunning } from '../findings/seats.js';

/** Without an address of the bridge on the host, no service of the host answers on it. */
const NO_HOST_ADDRESS = 'com.docker.network.bridge.inhibit_ipv4: "true"';

export const backendNotInternal: Check = {
  id: 'backend-not-internal',
  section: '§2',
  expected: 'Network backend is internal.',
  severity: 'medium',
  sources: [['compose'], ['docker']],
  references: [],
  run: (facts) => {
    const network =
      asked(facts).find(({ key }) => key === 'backend') ?? made(facts).find(({ key }) => key === 'backend');
    if (network === undefined) return [];
    const source = asked(facts).includes(network) ? 'compose' : 'docker';
    if (network.isInternal) return [pass(source, null, 'Network backend is internal.')];
    const only = facts.services.filter((service) => isOnlyOn(network, service)).map(({ name }) => name);
    const who = only.length === 0 ? 'what is on it' : only.join(', ');
    return [
      {
        status: 'fail',
        service: null,
        source,
        message: `Network backend has a way to the internet: ${who} can connect to anything there.`,
        actual: 'internal: false',
        remedy: internalNetwork('backend', 'Model pulls then fail: give ollama the network frontend, too.'),
      },
    ];
  },
};

function internalNetwork(key: string, note: string) {
  const lines = ['networks:', `  ${yamlWord(key)}:`, '    internal: true', `    driver_opts: { ${NO_HOST_ADDRESS} }`];
  return { override: lines.join('\n'), sh: DOWN_AND_UP, note };
}

function asked(facts: Facts): readonly Network[] {
  return facts.compose?.networks ?? [];
}

/** The networks of this project that the engine has. */
function made(facts: Facts): readonly Network[] {
  const own = (facts.engine?.networks ?? []).filter(({ project }) => project !== null && project === facts.project);
  return own;
}

function isOnlyOn(network: Network, service: Facts['services'][number]): boolean {
  const networks = (service.compose ?? service.containers[0])?.networks ?? [];
  return networks.length === 1 && networks[0] === network.name;
}

export const networkDrift: Check = {
  id: 'network-drift',
  section: '§2',
  expected: 'Networks are what the compose file says, and so are their members.',
  severity: 'high',
  sources: [['compose', 'docker']],
  references: [],
  run: (facts) => {
    const existing = facts.engine?.networks;
    if (existing === null || existing === undefined) {
      return [skipped('docker', null, 'The source has no networks.')];
    }
    const own = (facts.compose?.networks ?? []).filter(({ isExternal }) => !isExternal);
    return own.flatMap((network) => {
      const actual = existing.find(({ name }) => name === network.name);
      if (actual === undefined) return [];
      const drift = driftOf(facts, network, actual);
      if (drift === null) return [pass('docker', null, `Network ${network.key ?? network.name} is as the file says.`)];
      const subject = network.key ?? network.name;
      return [
        { status: 'fail', service: null, subject, source: 'docker', message: drift, remedy: { sh: DOWN_AND_UP } },
      ];
    });
  },
};

function driftOf(facts: Facts, network: Network, actual: Network): string | null {
  const key = network.key ?? network.name;
  if (network.isInternal !== actual.isInternal) {
    return network.isInternal
      ? `The file says that network ${key} is internal, but the running one is not: it was created before the file said so.`
      : `The file says that network ${key} leads out, but the running one is internal: it was created before the file said so.`;
  }
  const wrong = facts.services.filter((service) => {
    const running = service.containers.find((container) => container.isRunning);
    if (service.compose === null || running === undefined || running.networkMode.startsWith('container:')) return false;
    return service.compose.networks.includes(network.name) !== running.networks.includes(network.name);
  });
  if (wrong.length === 0) return null;
  return `The members of network ${key} are not those of the file: ${wrong.map(({ name }) => name).join(', ')}.`;
}

export const internalBridgeHasHostAddress: Check = {
  id: 'internal-bridge-has-host-address',
  section: '§2',
  expected: 'The bridges of internal networks have no address of the host.',
  severity: 'medium',
  sources: [['docker']],
  references: cis('5.14'),
  run: (facts) => {
    const networks = made(facts).filter(({ isInternal, driver }) => isInternal && driver === 'bridge');
    return networks.map((network): Result => {
      const key = network.key ?? network.name;
      if (hasNoHostAddress(network)) return pass('docker', null, `Bridge ${key} has no address of the host.`);
      const members = facts.services.filter((service) => isRunning(service) && isOn(network, service));
      const who = members.length === 0 ? 'What is' : members.map(({ name }) => name).join(', ');
      const message = `${who} on ${key} can reach the services of the host that listen on 0.0.0.0, over the bridge.`;
      const remedy = internalNetwork(key, 'Containers reach each other as before.');
      return { status: 'fail', service: null, subject: key, source: 'docker', message, remedy };
    });
  },
};

function isOn(network: Network, service: Facts['services'][number]): boolean {
  return service.containers.some(({ networks }) => networks.includes(network.name));
}

function hasNoHostAddress({ options }: Network): boolean {
  const prefix = 'com.docker.network.bridge';
  return (
    options.get(`${prefix}.inhibit_ipv4`)?.toLowerCase() === 'true' ||
    options.get(`${prefix}.gateway_mode_ipv4`) === 'isolated'
  );
}
