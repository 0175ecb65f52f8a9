/** §1: where tools run, and what is within their reach. */
import { parseDnsName } from '../../core/target.js';
import type { Container, Facts, Mount, Network } from '../facts/facts.js';
import type { Check, Result } from '../findings/finding.js';
import { cis, pass, skipped } from '../findings/finding.js';
import { installSidecar } from '../findings/remedy.js';
import { judgeEach, networksOf, type Seat, seatsOf, withRole } from '../findings/seats.js';

export const gatewayBesideOpsController: Check = {
  id: 'gateway-beside-ops-controller',
  section: '§1',
  expected: 'mcp-gateway shares no network with ops-controller: it hands its networks to every tool.',
  severity: 'high',
  sources: [['docker'], ['compose']],
  references: cis('5.30'),
  run: (facts) => {
    const others = withRole(facts, 'ops-controller');
    if (others.length === 0) return [];
    return judgeEach(withRole(facts, 'mcp-gateway'), (seat) => {
      const same = others.flatMap((service) => seatsOf(service).filter(({ source }) => source === seat.source));
      if (same.length === 0) return null;
      const beside = same.filter((other) => shares(networksOf(facts, seat), networksOf(facts, other)));
      const { service, source } = seat;
      const first = beside[0];
      if (first === undefined) return pass(source, service.name, 'It shares no network with ops-controller.');
      const message = `Every tool that ${service.name} starts shares a network with ${first.service.name}:9000.`;
      return { status: 'fail', service: service.name, source, message, remedy: installSidecar() };
    });
  },
};

function shares(one: readonly string[], other: readonly string[]): boolean {
  return one.some((network) => other.includes(network));
}

export const toolsNotBehindProxy: Check = {
  id: 'tools-not-behind-proxy',
  section: '§1',
  expected: 'The gateway and the tools that it starts are on internal networks only, and tools know the proxy.',
  severity: 'high',
  sources: [['docker']],
  references: cis('5.30'),
  run: (facts) => {
    const { networks } = facts.engine ?? {};
    if (networks === null || networks === undefined) {
      return [
        skipped('docker', null, 'The source has no networks: have docker inspect print them, too.', inspectNetworks()),
      ];
    }
    const gateways = withRole(facts, 'mcp-gateway').flatMap((service) => {
      const [running] = seatsOf(service).filter(({ source }) => source === 'docker');
      return running === undefined ? [] : [judgeGateway(facts, running, networks)];
    });
    return [...gateways, ...facts.tools.filter((tool) => tool.isRunning).map((tool) => judgeTool(tool, networks))];
  },
};

function inspectNetworks() {
  return { sh: ['docker inspect $(docker ps -aq) $(docker network ls -q) | egress-proxy audit --inspect -'] };
}

function judgeGateway(facts: Facts, seat: Seat, networks: readonly Network[]): Result {
  const { service } = seat;
  const open = networksOf(facts, seat).filter((name) => leadsOut(name, networks));
  if (open.length === 0) return pass('docker', service.name, 'It is on internal networks only.');
  const message = `${service.name} is on ${open.join(', ')}, and so is every tool that it starts, with a way out.`;
  return { status: 'fail', service: service.name, source: 'docker', message, remedy: installSidecar() };
}

function judgeTool(tool: Container, networks: readonly Network[]): Result {
  const name = tool.tool === '' || tool.tool === null ? tool.name : tool.tool;
  const found = { service: tool.name, source: 'docker', remedy: installSidecar() } as const;
  const open = tool.networks.filter((network) => leadsOut(network, networks));
  if (open.length > 0) {
    return { ...found, status: 'fail', message: `Tool ${name} is on ${open.join(', ')}, with a way out.` };
  }
  const isSteered = tool.dns.length > 0 || tool.networks.includes('none');
  const knowsProxy = ['HTTP_PROXY', 'http_proxy'].some((variable) => tool.variables.has(variable));
  if (knowsProxy || isSteered) return pass('docker', tool.name, `Tool ${name} has no way out but the proxy.`);
  const message = `Tool ${name} has no way out and does not know the proxy: HTTP_PROXY is not set.`;
  return { ...found, status: 'fail', severity: 'low', message };
}

function leadsOut(name: string, networks: readonly Network[]): boolean {
  if (name === 'none') return false;
  return networks.find((network) => network.name === name)?.isInternal !== true;
}

const SOCKET = /(?:^|[/\\])(?:docker|containerd|podman)\.sock$|^[/\\]{2}\.[/\\]pipe[/\\]docker_engine/i;
/** Folders that hold the socket. */
const AROUND_SOCKET = new Set(['/', '/run', '/var', '/var/run', '/run/', '/var/', '/var/run/']);

export const socketMounted: Check = {
  id: 'socket-mounted',
  section: '§1',
  expected: 'Only ops-controller and the guard hold the socket of the engine.',
  severity: 'critical',
  sources: [['docker'], ['compose']],
  references: [...cis('5.32'), 'SECURITY.md'],
  run: (facts) => {
    const services = facts.services.filter((service) => !service.roles.has('guard'));
    const results = judgeEach(services, (seat) => {
      const name = seat.service.name;
      if (!seat.settings.mounts.some(isSocket)) return pass(seat.source, name, 'It does not hold the socket.');
      return heldSocket(seat.service.roles.has('ops-controller'), name, seat.source);
    });
    const tools = facts.tools.filter(({ mounts }) => mounts.some(isSocket));
    return [...results, ...tools.map((tool) => heldSocket(false, tool.name, 'docker'))];
  },
};

function isSocket({ source, target, isBind }: Mount): boolean {
  return SOCKET.test(source) || SOCKET.test(target) || (isBind && AROUND_SOCKET.has(source));
}

function heldSocket(byDesign: boolean, name: string, source: 'docker' | 'compose'): Result {
  const message = `${name} holds docker.sock: whoever takes it over is root on this machine.`;
  const note = byDesign
    ? 'ops-controller needs it by design: keep it unpublished, with a strong token, and accept this in audit.ignore.'
    : 'Take the mount out of its file. A gateway that starts tools gets the socket of egress-proxy guard: docs/spawn-guard.md.';
  const severity = byDesign ? 'medium' : 'critical';
  return { status: 'fail', service: name, source, severity, message, remedy: { sh: [], note } };
}

export const hostRulesMissing: Check = {
  id: 'host-rules-missing',
  section: '§1',
  expected: "The host's packet filter has our rules, or tools are behind the sidecar.",
  severity: 'high',
  sources: [['host-rules']],
  references: [],
  run: (facts) => {
    if (facts.hostRules?.present === true) return [pass('host-rules', null, 'The rules are in force.')];
    const isBehind = withRole(facts, 'egress-proxy').length > 0;
    const message = "The host's packet filter has none of our rules: raw packets of a tool reach what routes to them.";
    return [
      {
        status: 'fail',
        service: null,
        source: 'host-rules',
        severity: isBehind ? 'low' : 'high',
        message,
        remedy: { sh: ['sudo mcp-egress-proxy/docker/host/ssrf-egress-block.sh'], note: 'Linux only.' },
      },
    ];
  },
};

const OPS_CONTROLLER = parseDnsName('ops-controller');

export const policyOpen: Check = {
  id: 'policy-open',
  section: '§1',
  expected: 'The policy opens ops-controller to named clients only, and allows only what it names.',
  severity: 'medium',
  sources: [['policy']],
  references: [],
  run: (facts) => {
    const { policy } = facts;
    if (policy === null) return [];
    const open = policy.internal.filter(
      ({ clients, host }) => clients === null && OPS_CONTROLLER !== null && host?.matches(OPS_CONTROLLER),
    );
    const rules = open.map(({ id }): Result => {
      const message = `Rule ${id} opens ops-controller to every tool: it names no clients.`;
      const note = 'Add clients: [NAME] to the rule, or remove it.';
      return {
        status: 'fail',
        service: 'egress-proxy',
        subject: id,
        source: 'policy',
        message,
        remedy: { sh: [], note },
      };
    });
    if (policy.default === 'public') {
      const message = 'The policy lets tools reach every public host: an accomplice is among them.';
      const note = 'Run with mode: report and default: none for a while, then take what egress-proxy suggest prints.';
      return [
        ...rules,
        {
          status: 'fail',
          severity: 'info',
          service: 'egress-proxy',
          source: 'policy',
          message,
          remedy: { sh: [], note },
        },
      ];
    }
    return rules.length > 0 ? rules : [pass('policy', 'egress-proxy', 'What it does not name is refused.')];
  },
};
