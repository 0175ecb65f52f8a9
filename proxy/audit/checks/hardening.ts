/** §8: what containers may do beyond what they need. */

import type { Facts } from '../facts/facts.js';
import type { Check, Result } from '../findings/finding.js';
import { cis, pass } from '../findings/finding.js';
import { serviceOverride } from '../findings/remedy.js';
import { custom, judgeEach, type Seat, withRole } from '../findings/seats.js';
import { dropsByItself } from './users.js';

/** Third-party images keep Docker's defaults by design: these checks are about the stack's own services. */
const BOTH: Check['sources'] = [['docker'], ['compose']];

export const capDropMissing: Check = {
  id: 'cap-drop-missing',
  section: '§8',
  expected: "The stack's own services drop all capabilities.",
  severity: 'medium',
  sources: BOTH,
  references: cis('5.4'),
  run: (facts) =>
    judgeEach(custom(facts), (seat) => {
      if (seat.settings.capDrop.includes('ALL')) return passes(seat, 'It drops all capabilities.');
      return fails(seat, `${seat.service.name} keeps Docker's capabilities: cap_drop has no ALL.`, ['cap_drop: [ALL]']);
    }),
};

const STRONG = /^(?:ALL|NET_RAW|NET_ADMIN|SYS_.*|DAC_READ_SEARCH|BPF|PERFMON|MAC_.*)$/;

export const capAdd: Check = {
  id: 'cap-add',
  section: '§8',
  expected: 'No service adds capabilities; the dashboard may add SETUID and SETGID, to become another user.',
  severity: 'medium',
  sources: BOTH,
  references: cis('5.4'),
  run: (facts) =>
    judgeEach(facts.services, (seat) => {
      const allowed = seat.service.roles.has('dashboard') ? ['SETUID', 'SETGID'] : [];
      const added = seat.settings.capAdd.filter((name) => !allowed.includes(name));
      if (added.length === 0) return passes(seat, 'It adds no capability.');
      const strong = added.some((name) => STRONG.test(name));
      const lines = [allowed.length === 0 ? 'cap_add: !reset []' : 'cap_add: !override [SETUID, SETGID]'];
      const result = fails(seat, `${seat.service.name} adds ${added.join(', ')}.`, lines);
      return strong ? { ...result, severity: 'high' } : result;
    }),
};

export const rootfsWritable: Check = {
  id: 'rootfs-writable',
  section: '§8',
  expected: 'The root file systems of model-gateway and dashboard are read-only, where the compose file asks for it.',
  severity: 'low',
  sources: BOTH,
  references: cis('5.13'),
  run: (facts) =>
    judgeEach(withRole(facts, 'model-gateway', 'dashboard', 'egress-proxy', 'guard'), (seat) => {
      const { service, settings } = seat;
      if (settings.hasReadOnlyRoot) return passes(seat, 'Its root file system is read-only.');
      // Later states of the stack let the dashboard write on purpose.
      const asks = service.compose === null ? !dropsByItself(settings) : service.compose.hasReadOnlyRoot;
      if (!asks) return passes(seat, 'Its file does not ask for a read-only root file system.');
      return fails(seat, `${service.name} can write to its root file system.`, ['read_only: true', 'tmpfs: [/tmp]']);
    }),
};

export const noNewPrivilegesMissing: Check = {
  id: 'no-new-privileges-missing',
  section: '§8',
  expected: "Processes of the stack's own services cannot gain privileges.",
  severity: 'medium',
  sources: BOTH,
  references: cis('5.26'),
  run: (facts) =>
    judgeEach(custom(facts), (seat) => {
      const set = seat.settings.securityOptions.some((option) => /^no-new-privileges(?:[:=]true)?$/.test(option));
      const byEngine = facts.engine?.daemon?.hasNoNewPrivileges === true;
      if (set || byEngine) return passes(seat, 'no-new-privileges is set.');
      if (dropsByItself(seat.settings)) return passes(seat, 'It has to become another user at its start.');
      const lines = ['security_opt: ["no-new-privileges:true"]'];
      return fails(seat, `${seat.service.name} can gain privileges: no-new-privileges is not set.`, lines);
    }),
};

export const privileged: Check = {
  id: 'privileged',
  section: '§8',
  expected: 'Nothing is privileged.',
  severity: 'critical',
  sources: BOTH,
  references: cis('5.5'),
  run: (facts) => [
    ...judgeEach(facts.services, (seat) => {
      if (!seat.settings.isPrivileged) return passes(seat, 'It is not privileged.');
      return fails(seat, `${seat.service.name} is privileged: it is root on this machine.`, ['privileged: false']);
    }),
    ...toolsThat(facts, ({ isPrivileged }) => isPrivileged, 'is privileged: it is root on this machine'),
  ],
};

export const hostNamespace: Check = {
  id: 'host-namespace',
  section: '§8',
  expected: 'Nothing shares a namespace with the host.',
  severity: 'high',
  sources: BOTH,
  references: cis('5.10', '5.16', '5.17', '5.21', '5.31'),
  run: (facts) => [
    ...judgeEach(facts.services, (seat) => {
      // For ops-controller the network is a check of its own.
      const own = seat.service.roles.has('ops-controller') ? ['network'] : [];
      const shared = seat.settings.hostNamespaces.filter((namespace) => !own.includes(namespace));
      if (shared.length === 0) return passes(seat, 'It has namespaces of its own.');
      const lines = shared.map((namespace) => `${NAMESPACE_KEYS[namespace] ?? namespace}: !reset null`);
      return fails(seat, `${seat.service.name} shares the host's ${shared.join(', ')} namespace.`, lines);
    }),
    ...toolsThat(facts, ({ hostNamespaces }) => hostNamespaces.length > 0, "shares a namespace of the host's"),
  ],
};

const NAMESPACE_KEYS: Readonly<Record<string, string>> = { network: 'network_mode', userns: 'userns_mode' };

export const unconfined: Check = {
  id: 'unconfined',
  section: '§8',
  expected: 'Nothing turns seccomp, AppArmor, SELinux or the masks over /proc off.',
  severity: 'high',
  sources: BOTH,
  references: cis('5.2', '5.22'),
  run: (facts) =>
    judgeEach(facts.services, (seat) => {
      const { securityOptions, isUnmasked, isPrivileged } = seat.settings;
      const off = securityOptions.filter((option) => /[:=](?:unconfined|disable)$/.test(option));
      // A privileged container has neither, and another check says so already.
      if (isPrivileged || (off.length === 0 && !isUnmasked)) return passes(seat, 'It is confined.');
      const what = off.length > 0 ? off.join(', ') : 'no masks over /proc and /sys';
      const lines = ['security_opt: !override ["no-new-privileges:true"]'];
      return fails(seat, `${seat.service.name} is not confined: ${what}.`, lines);
    }),
};

function passes({ source, service }: Seat, message: string): Result {
  return pass(source, service.name, message);
}

function fails({ source, service }: Seat, message: string, lines: readonly string[]): Result {
  return { status: 'fail', service: service.name, source, message, remedy: serviceOverride(service.name, lines) };
}

/** Containers that a gateway started are in no file: only what starts them can change. */
function toolsThat(facts: Facts, isWrong: (tool: Facts['tools'][number]) => boolean, what: string): readonly Result[] {
  const note = 'A gateway started it: egress-proxy guard decides what a gateway may start.';
  return facts.tools.filter(isWrong).map((tool) => ({
    status: 'fail',
    service: tool.name,
    source: 'docker',
    message: `Tool ${tool.tool === '' ? tool.name : tool.tool} ${what}.`,
    remedy: { sh: [], note },
  }));
}
