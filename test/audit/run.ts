/** The command `audit` in this process. */
import { auditCommand } from '../../proxy/cli/audit.js';
import { type Ran, runCommand } from '../cli/run-command.js';

export function runAudit(
  args: readonly string[],
  input = '',
  env: Readonly<Record<string, string>> = {},
): Promise<Ran> {
  return runCommand(auditCommand, args, { input, env });
}
