/** Which compose project the audit is about. */

import { AuditError } from './audit-error.js';
import type { ComposeFacts, EngineFacts } from './facts.js';
import { printable } from './printable.js';

/**
 * The named one, else that of the compose file, else the only one that has a gateway or is there at all. Null where no
 * source has any. Throws where sources are of different projects, or none can be picked.
 */
export function chooseProject(
  named: string | null,
  compose: ComposeFacts | null,
  engine: EngineFacts | null,
  inspectName: string | null,
): string | null {
  const own = compose?.project ?? null;
  if (named !== null && own !== null && named !== own) {
    throw new AuditError(`the compose file is of project ${shown(own)}, not of ${shown(named)}`);
  }
  const present = new Set((engine?.containers ?? []).flatMap(({ project }) => project ?? []));
  const chosen = named ?? own;
  if (chosen !== null) {
    if (inspectName !== null && present.size > 0 && !present.has(chosen)) {
      throw new AuditError(`${inspectName} has containers of ${list(present)}, none of project ${shown(chosen)}`);
    }
    return chosen;
  }
  const likely = present.size > 1 ? withGateway(engine) : present;
  const [only, ...others] = [...likely];
  if (others.length > 0 || (only === undefined && present.size > 1)) {
    throw new AuditError(`there are several projects (${list(present)}): name one with --project`);
  }
  return only ?? null;
}

function withGateway(engine: EngineFacts | null): ReadonlySet<string> {
  const gateways = (engine?.containers ?? []).filter(({ service }) => service === 'mcp-gateway');
  return new Set(gateways.flatMap(({ project }) => project ?? []));
}

function list(projects: ReadonlySet<string>): string {
  return [...projects].slice(0, 10).map(shown).join(', ');
}

function shown(project: string): string {
  return JSON.stringify(printable(project, 60));
}
